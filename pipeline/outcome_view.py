"""The last lines of a run."""

from __future__ import annotations

import json
import sys

from rich.console import Console
from rich.markup import escape

from pipeline.local_run import RunResult

_VERDICTS = {
    "pushed": "[bold green]pushed[/]: the release runs on every production board",
    "blessed": "[bold green]blessed[/]: the model may be released; the project deploys to no boards",
    "refused": "[bold red]refused[/]: nothing was promoted",
}


def print_outcome(result: RunResult, *, as_json: bool) -> None:
    """Print verdict, reasons and the path of the report on stdout.

    Args:
        result: how the run ended.
        as_json: for a program to read.
    """
    if as_json:
        outcome = {
            "outcome": result.verdict,
            "reasons": result.reasons,
            "report": None if result.report is None else str(result.report),
            "log": str(result.log),
        }
        json.dump(outcome, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_VERDICTS[result.verdict])
    for reason in result.reasons:
        console.print(f"  reason: {escape(reason)}")
    if result.report is not None:
        console.print(f"  report: {escape(str(result.report))}")
    console.print(f"  log:    {escape(str(result.log))}")
