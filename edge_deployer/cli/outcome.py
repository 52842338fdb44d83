"""Prints the outcome of a deployment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.boards.record import BoardRecord
from edge_deployer.cli import output
from edge_deployer.paperwork import paperwork
from edge_deployer.report import formats, words
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.task import Metric


def print_outcome(
    deployment: Deployment, write_report: Callable[[], Path | None], *, as_json: bool, log: Path | None = None
) -> None:
    """Print how it ended on stdout: outcome, reason, remedy, and where the report and the log are.

    Args:
        deployment: the outcome.
        write_report: called once the outcome cannot be lost any more; returns the page. If it fails, that is a warning.
        as_json: whether a program reads it: then nothing is printed before all is known.
        log: of the run.
    """
    if as_json:
        report = _written(write_report)
        outcome = {
            "outcome": deployment.outcome,
            "gate": deployment.gate,
            "reason": words.headline(deployment),
            "caution": words.caution(deployment),
            "task": None if deployment.task is None else deployment.task.model_dump(),
            "figures": _figures(deployment),
            "remedy": words.remedy(deployment),
            "release": deployment.release.release_id if deployment.release else None,
            "boards": [_board(board, deployment) for board in deployment.boards],
            "report": None if report is None else str(report),
            "log": None if log is None else str(log),
        }
        output.print_json(outcome)
        return
    console = output.console()
    print_verdict(console, deployment)
    if deployment.task is not None:
        console.print(f"  task:   {escape(deployment.task.in_words)}")
    if figures := _figures(deployment):
        console.print(f"  TFLM:   {formats.figures(figures)}")
    report = _written(write_report)
    if report is not None:
        console.print(f"  report: {escape(str(report))}")
    if log is not None:
        console.print(f"  log:    {escape(str(log))}")


def print_verdict(console: Console, deployment: Deployment) -> None:
    """Outcome, reason and remedy; no verdict is neither a promotion nor a refusal, and looks like neither."""
    reason, remedy = escape(words.headline(deployment)), words.remedy(deployment)
    if deployment.pushed:
        told = words.caution(deployment)
        caution = f", [yellow]{escape(told)}[/]" if told else ""
        console.print(f"[bold green]{deployment.outcome}[/]{caution}: {reason}")
        return
    colour = "red" if deployment.outcome == "refused" else "yellow"
    console.print(f"[bold {colour}]{deployment.outcome}[/] at {deployment.gate}: {reason}")
    if runs := what_boards_run(deployment.boards, deployment.releases):
        console.print(f"  boards: {escape(runs)}")
    if remedy:
        console.print(f"  remedy: {escape(remedy)}")


def _figures(deployment: Deployment) -> dict[Metric, float]:
    """The task's figures in TFLM, of the release's manifest."""
    measured = deployment.release.manifest.metrics if deployment.release else {}
    return {name: measured[name] for name in formats.METRICS if name in measured}


def _written(write_report: Callable[[], Path | None]) -> Path | None:
    with paperwork("the report"):
        return write_report()
    return None


def _board(board: BoardRecord, deployment: Deployment) -> dict[str, str | None]:
    """What a board answered last, for a program."""
    known = board.image_after if board.answer == "runs" else None
    return {
        "board": board.name,
        "pool": board.pool,
        "outcome": board.outcome,
        "answer": board.answer,
        "image": known,
        "release": None if known is None else deployment.releases.get(known),
    }
