"""`tinyops schema`: what a project's data must look like, kept beside it and reviewed as code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.output import print_json
from pipeline.cli.project import ProjectArgument, find_project

schema = typer.Typer(name="schema", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_Workspace = Annotated[Path, typer.Option(help="Folder that keeps the project's runs.")]


@schema.callback()
def about() -> None:
    """Keep the schema of a project's data.

    It lies in `schema.pbtxt` beside the project's file. While it is there, data that does not fit it stops a run before
    anything is trained; without it a schema is inferred in each run.

    Exit status: 0 done, 1 an error, 2 wrong usage.
    """


@schema.command(epilog="Example: tinyops schema update && git diff schema.pbtxt")
def update(project: ProjectArgument = None, workspace: _Workspace = Path(".tinyops"), as_json: _Json = False) -> None:
    """Make the schema fit the data of the last run, and show what changed.

    What the data fits already is left as it is, and so is what was written by hand.
    """
    from pipeline.project import quiet_libraries

    config = find_project(project, demo=False)
    quiet_libraries.hush()
    from pipeline.local.schema_update import update_schema

    done = update_schema(config, workspace)
    if as_json:
        print_json({"file": done.file, "changed": bool(done.difference), "difference": done.difference})
    else:
        typer.echo(done.difference or f"{done.file}: the data fits it; nothing was changed", nl=not done.difference)


@schema.command(epilog="Example: tinyops schema show")
def show(project: ProjectArgument = None, as_json: _Json = False) -> None:
    """Print the schema that the project keeps."""
    from edge_deployer.errors import TinyopsError
    from pipeline.project.schema_file import SCHEMA_FILE, read_schema

    file = find_project(project, demo=False).parent / SCHEMA_FILE
    text = read_schema(file)
    if text is None:
        raise TinyopsError(f"there is no {file}", remedy="write it with `tinyops schema update`, after a run")
    if as_json:
        print_json({"file": file, "schema": text})
    else:
        typer.echo(text, nl=False)
