"""Prints a report, and what came of judging its evidence once more, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from edge_deployer.boards.record import BoardRecord
from edge_deployer.cli import output
from edge_deployer.cli.outcome import print_verdict
from edge_deployer.errors import TinyopsError
from edge_deployer.report import words
from edge_deployer.report.acceptance_view import (
    CheckRow,
    board_facts,
    board_state,
    check_rows,
    staging_facts,
    why_quarantined,
)
from edge_deployer.report.facts import Report
from edge_deployer.report.glossary import words_in
from edge_deployer.report.markdown import render_markdown
from edge_deployer.report.replay import Replayed
from edge_deployer.report.views import key_figures
from edge_deployer.rollout.deployment import Deployment

_COLOURS = {
    "accepted": "green",
    "passed": "green",
    "refused": "red",
    "failed": "red",
    "undecided": "yellow",
    "quarantined": "yellow",
    "warns": "yellow",
}
_OUTCOMES = {"promoted": "green", "unchanged": "green", "refused": "red", "no verdict": "yellow"}
_FACTS = {"name", "pool", "profile", "virtual", "spare", "outcome", "answer", "image_after"}


def print_report(report: Report, path: Path, *, as_json: bool) -> None:
    """Verdict, staging, boards and checks."""
    deployment = report.deployment
    if as_json:
        output.print_json(_summary(report, path))
        return
    console = output.console()
    console.print(f"{escape(report.title)}, {deployment.finished:%Y-%m-%d %H:%M:%S} UTC")
    print_verdict(console, deployment)
    for name, figure in staging_facts(deployment):
        console.print(f"  {name}: {escape(figure)}")
    for board in deployment.boards:
        console.print()
        _print_board(console, board, deployment)
    console.print()
    for word, meaning in words_in(render_markdown(report)).items():
        console.print(f"[dim]{word}: {meaning}[/]")
    console.print(f"report: {escape(str(path))}")


def print_reports(
    found: Sequence[tuple[Path, Report]], damaged: Sequence[TinyopsError], workspace: Path, *, as_json: bool
) -> None:
    """A line a report; what cannot be read is named after them."""
    if as_json:
        output.print_json(
            {"reports": [_line(path, report) for path, report in found], "damaged": [e.message for e in damaged]}
        )
        return
    console = output.console()
    if not found and not damaged:
        console.print(f"no run and no push has left a report in {escape(str(workspace))}")
    if found:
        table = output.table("when", "what", "verdict", "figures", "report")
        for path, report in found:
            line = _line(path, report)
            outcome, gate = report.deployment.outcome, report.deployment.gate
            verdict = f"[{_OUTCOMES[outcome]}]{outcome}[/]{f' at {gate}' if gate else ''}"
            figures = ", ".join(f"{name} {figure}" for name, figure in line["figures"].items())
            what = f"{report.title}, {line['how']}"
            table.add_row(
                f"{report.deployment.finished:%Y-%m-%d %H:%M}", escape(what), verdict, figures, str(path.parent)
            )
        console.print(table)
    for error in damaged:
        console.print(f"[yellow]not read:[/] {escape(error.message)}")


def print_replay(replayed: Sequence[Replayed], path: Path, *, as_json: bool) -> None:
    """A line a verdict, and below it what differs; last what became of the release."""
    if as_json:
        same = all(verdict.same is not False for verdict in replayed)
        output.print_json({"report": str(path), "same": same, "verdicts": replayed})
        return
    console = output.console()
    for verdict in replayed:
        colour = {True: "green", False: "bold red", None: "yellow"}[verdict.same]
        name = f"{verdict.name} pool" if verdict.kind == "pool" else verdict.name
        console.print(f"[{colour}]{escape(name)}[/]: {_what_replay_says(verdict)}")
        for difference in verdict.differences:
            console.print(f"  {escape(difference)}")
    if not replayed:
        console.print("no board was examined: there is no verdict to make again")
    console.print(f"report: {escape(str(path))}")


def _what_replay_says(verdict: Replayed) -> str:
    if verdict.kind == "attestation":
        return {
            True: "signed, and of the evidence above",
            False: "not of what is recorded, or not signed with a trusted key",
            None: "no key is known here that verifies it; name one with --public-key",
        }[verdict.same]
    what = "outcome" if verdict.kind == "deployment" else "verdict"
    if verdict.same is None:
        return "the evidence cannot speak for the outcome"
    return f"the same {what}, {verdict.decision}" if verdict.same else f"not the {what} that is recorded"


def _print_board(console: Console, board: BoardRecord, deployment: Deployment) -> None:
    state = board_state(board, deployment)
    kind = f"{board.pool}{', spare' if board.spare else ''}, {board.profile}, {'virtual' if board.virtual else 'real'}"
    console.print(f"[bold]{escape(board.name)}[/] ({escape(kind)}): {_coloured(state)}, {board.outcome}")
    why = why_quarantined(board, deployment) or words.verdict_in_words(board)
    if why:
        console.print(f"  {escape(why)}")
    rows = check_rows(board)
    if rows:
        console.print(Padding(_table(rows), (0, 0, 0, 2), expand=False))
    for name, figure in board_facts(board):
        console.print(f"  {name}: {escape(figure)}")


def _table(rows: Sequence[CheckRow]) -> Table:
    table = output.table()
    for name in ("check", "", "measured", "allowed"):
        table.add_column(name, no_wrap=True, justify="right" if name in ("measured", "allowed") else "left")
    table.add_column("finding, bound, samples", overflow="fold")
    for row in rows:
        told = "; ".join(filter(None, (row.finding, row.bound, row.samples)))
        table.add_row(row.name, _coloured(row.state), row.measured, row.limit, escape(told))
    return table


def _line(path: Path, report: Report) -> dict[str, Any]:
    deployment = report.deployment
    return {
        "report": str(path),
        "finished": deployment.finished,
        "title": report.title,
        "how": "push" if report.run_id is None else "run",
        "run_id": report.run_id,
        "outcome": deployment.outcome,
        "gate": deployment.gate,
        "reason": words.headline(deployment),
        "release": deployment.release.release_id if deployment.release else None,
        "figures": {figure.label: figure.figure for figure in key_figures(report)},
    }


def _summary(report: Report, path: Path) -> dict[str, object]:
    deployment = report.deployment
    return {
        "report": str(path),
        "title": report.title,
        "outcome": deployment.outcome,
        "gate": deployment.gate,
        "reason": words.headline(deployment),
        "remedy": words.remedy(deployment),
        "release": deployment.release.release_id if deployment.release else None,
        "staging": _with_words(deployment.staging, reason=words.staging_in_words(deployment)),
        "boards": [
            {
                **board.model_dump(mode="json", include=_FACTS),
                "state": board_state(board, deployment),
                "quarantined": why_quarantined(board, deployment),
                "verdict": _with_words(board.verdict, reason=words.verdict_in_words(board)),
            }
            for board in deployment.boards
        ],
    }


def _with_words(verdict: BaseModel | None, reason: str) -> dict[str, Any] | None:
    """A verdict's codes and figures, and why in words."""
    return None if verdict is None else {**verdict.model_dump(mode="json"), "reason": reason}


def _coloured(state: str) -> str:
    return f"[{_COLOURS[state]}]{state}[/]" if state in _COLOURS else state
