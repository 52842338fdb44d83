"""Shows a replay on the terminal while it runs, and its outcome at the end."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.cli.outcome import print_verdict
from edge_deployer.cli.output import progress_stream
from edge_deployer.errors import TinyopsError
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON
from edge_deployer.report.reading import read_report
from edge_deployer.report.words import headline
from edge_deployer.rollout.deployment import Deployment
from pipeline.kubeflow.replay.run import ReplayResult, TaskEnded, TaskStarted


class ReplayView:
    """A line a step when it is over; a spinner for the one that runs, where there is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(file=progress_stream(), quiet=quiet)
        self._status = self._console.status("")

    def __enter__(self) -> ReplayView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def follow(self, event: TaskStarted | TaskEnded) -> None:
        """Show what happens to a step."""
        if isinstance(event, TaskStarted):
            self._status.update(escape(event.task))
            self._status.start()
            return
        self._status.stop()
        line = f"{event.task:<20} {event.seconds:>6.1f} s  {event.message}".rstrip()
        self._console.print(escape(line), highlight=False, soft_wrap=True)


def print_result(result: ReplayResult, back_end: str, *, as_json: bool) -> None:
    """Print on stdout how a replay ended, and where to read more: the report, and the log of a step that failed.

    Args:
        result: how it ended.
        back_end: the release of Kubeflow Pipelines that was replayed.
        as_json: as JSON, and not for people.
    """
    deployment, page = _read(result.report) if result.report else (None, None)
    if as_json:
        output.print_json({"back_end": back_end, **_facts(result, deployment, page)})
        return
    console = output.console()
    if deployment is not None:
        print_verdict(console, deployment)
    failure = result.failure
    if failure is None:
        console.print(f"[bold green]done[/]: all {len(result.steps)} steps of {result.run_id}")
    elif failure.is_refusal:
        console.print(f"[bold red]failed[/] at {escape(failure.task)}, where Kubeflow shows a refusal")
    else:
        console.print(f"[bold red]failed[/] at {escape(failure.task)}: {escape(failure.message)}")
        console.print(f"  log:    {escape(str(failure.log))}")
    if page is not None:
        console.print(f"  report: {escape(str(page))}")


def _read(report: Path) -> tuple[Deployment, Path] | tuple[None, None]:
    """The outcome and the page; none where the step that was to write them could not."""
    try:
        return read_report(report / REPORT_JSON).deployment, report / REPORT_HTML
    except TinyopsError:
        return None, None


def _facts(result: ReplayResult, deployment: Deployment | None, page: Path | None) -> dict[str, Any]:
    failure = result.failure
    if failure and not failure.is_refusal:
        outcome, reason = "failed", failure.message
    else:
        outcome, reason = (deployment.outcome, headline(deployment)) if deployment else ("done", "")
    return {
        "outcome": outcome,
        "reason": reason,
        "run": result.run_id,
        "failed_step": failure.task if failure else None,
        "message": failure.message if failure else None,
        "log": str(failure.log) if failure else None,
        "report": str(page) if page else None,
        "steps": [
            {"task": step.task, "seconds": round(step.seconds, 2), "log": str(step.log)} for step in result.steps
        ],
    }
