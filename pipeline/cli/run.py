"""`tinyops run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.cli.options import ReplaceOption
from pipeline.cli.project import DemoOption, ProjectArgument, choose_project


def run(
    project: ProjectArgument = None,
    demo: DemoOption = False,
    workspace: Annotated[Path, typer.Option(help="Folder for metadata, artifacts, releases and logs.")] = Path(
        ".tinyops"
    ),
    replace: ReplaceOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and no progress.")] = False,
) -> None:
    """Train a model and take it to the boards.

    Data, training, int8 conversion, evaluation and validation are TFX components; what is not changed since the last
    run comes out of its cache. The staging boards then try the model, and production gets it if they accept.

    Exit status: 0 it runs on every production board, 1 an error, 3 it was refused, 130 stopped by Ctrl-C,
    143 by SIGTERM.
    """
    # Pydantic, numpy, yaml and rich cost half a second that `tinyops --help` need not pay.
    from rich.console import Console

    from edge_deployer.cli.outcome import print_outcome
    from edge_deployer.cli.output import progress_stream
    from pipeline.local.display import RunDisplay
    from pipeline.local.run import run_project

    config = choose_project(project, demo=demo)
    with RunDisplay(Console(file=progress_stream(), quiet=as_json)) as display:
        result = run_project(config, workspace, display.on_event, replace=replace)
    print_outcome(result.deployment, lambda: result.report, as_json=as_json, log=result.log)
    if not result.deployment.pushed:
        sys.exit(EXIT_REFUSED)
