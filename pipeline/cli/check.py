"""`tinyops check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from edge_deployer.cli.exit_status import EXIT_REFUSED
from pipeline.cli.project import DemoOption, ProjectArgument, choose_project

if TYPE_CHECKING:
    from pipeline.local.checking.line import Line

_SIGNS: Final = {
    "passed": "[green]✓[/]",
    "warns": "[yellow]![/]",
    "failed": "[red]✗[/]",
    "skipped": "-",
}


def check(
    project: ProjectArgument = None,
    demo: DemoOption = False,
    workspace: Annotated[Path, typer.Option(help="Folder for data that comes with the software.")] = Path(".tinyops"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the lines as JSON.")] = False,
) -> None:
    """Say in seconds what would stop a run, before anything is trained.

    It looks at the boards and their budgets, lists and divides the data, reads a few records, passes them through the
    front end and `preprocessing_fn`, converts the network as `build_model` gives it to int8, and holds its operators,
    flash, arena and estimated latency against the board profile. Whether the model will be good enough is not known
    before the training.

    One line each: ✓ nothing stands against a run, ! it would not stop and should be looked at, ✗ it would stop, with
    what to do about it, - not known. What fails ends only what depends on it, so that all is seen at once.

    Exit status: 0 no line failed, 1 the project file is wrong, 2 wrong usage, 3 a line failed.
    """
    # Pydantic, numpy, yaml and rich cost half a second that `tinyops --help` need not pay.
    from edge_deployer.cli.output import print_json
    from pipeline.local.checking.check import check_project
    from pipeline.project.workspace import Workspace

    config = choose_project(project, demo=demo)
    lines = []
    for line in check_project(config, Workspace(workspace)):
        lines.append(line)
        if not as_json:
            _print(line)
    failed = [line.name for line in lines if line.state == "failed"]
    if as_json:
        print_json({"project": config, "outcome": "failed" if failed else "passed", "lines": lines})
    elif not failed:
        typer.echo("nothing that can be known now stands against a run: tinyops run")
    if failed:
        sys.exit(EXIT_REFUSED)


def _print(line: Line) -> None:
    from rich.markup import escape

    from edge_deployer.cli.output import console

    printed = console()
    printed.print(f"{_SIGNS[line.state]} {line.name:<14} {escape(line.told)}")
    if line.remedy:
        printed.print(f"  {'':<14} [bold]remedy:[/] {escape(line.remedy)}")
