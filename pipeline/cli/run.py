"""`tinyops run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from edge_deployer.cli.exit_status import EXIT_INTERRUPTED, EXIT_REFUSED


def run(
    config: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time, on Python 3.10
        typer.Argument(
            help="A project's tinyops.yaml; without it, scikit-learn's handwritten digits.", show_default=False
        ),
    ] = None,
    workspace: Annotated[Path, typer.Option(help="Folder for metadata, artifacts, releases and logs.")] = Path(
        ".tinyops"
    ),
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Take the place of a release in production that has another task, input shape or number of outputs.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, and no progress.")] = False,
) -> None:
    """Train a model and take it to the boards.

    Data, training, int8 conversion, evaluation and validation are TFX components; what is not changed since the last
    run comes out of its cache. The staging boards then try the model, and production gets it if they accept.

    Exit status: 0 it runs on every production board, 1 an error, 3 it was refused, 130 stopped by Ctrl-C.
    """
    # Pydantic, numpy and yaml cost half a second that `tinyops --help` need not pay.
    from edge_deployer.cli.deployment_view import print_outcome
    from pipeline.config import DEFAULT_CONFIG
    from pipeline.display import RunDisplay
    from pipeline.local_run import run_project

    console = Console(stderr=True, quiet=as_json)
    try:
        with RunDisplay(console) as display:
            result = run_project(config or DEFAULT_CONFIG, workspace, display.on_event, replace=replace)
    except KeyboardInterrupt:
        console.print("stopped; what was finished is kept, and the next run continues from there")
        sys.exit(EXIT_INTERRUPTED)
    print_outcome(result.deployment, result.report, as_json=as_json, log=result.log)
    if not result.deployment.pushed:
        sys.exit(EXIT_REFUSED)
