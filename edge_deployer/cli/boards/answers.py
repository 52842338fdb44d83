"""Prints what `tinyops boards` found, for people and for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge_deployer.files import read_file
from edge_deployer.inventory.inventory import BoardEntry, Inventory

if TYPE_CHECKING:
    # What lists boards does without what talks to them.
    from edge_deployer.boards.actions import Outcome
    from edge_deployer.boards.inference import Inference
    from edge_deployer.boards.probe import Probe
    from edge_deployer.boards.record import Step
    from edge_deployer.boards.self_test import SelfTest
    from edge_deployer.inventory.quarantine import Confinement
    from edge_deployer.session import SlotState

_SHOWN_SCORES = 5
_UNLIMITED = 10_000
"""Columns of an output that is no terminal."""


def print_list(inventory: Inventory, confined: Mapping[str, Confinement], *, as_json: bool) -> None:
    """A row a board of the inventory."""
    if as_json:
        _print_json(
            [board.model_dump(mode="json") | {"quarantined": _reason(board, confined)} for board in inventory.boards]
        )
        return
    rows = (
        (board.name, _pool(board), board.profile, _address(board), _state(board, confined))
        for board in inventory.boards
    )
    _print_table(("board", "pool", "profile", "address", "state"), rows)


def print_health(inventory: Inventory, confined: Mapping[str, Confinement], *, as_json: bool) -> None:
    """A row a board of the inventory: is it in quarantine, since when and why?"""
    if as_json:
        _print_json([_health_fields(board, confined) for board in inventory.boards])
        return
    _print_table(
        ("board", "pool", "state", "since", "why"), (_health_row(board, confined) for board in inventory.boards)
    )


def print_self_tests(tests: Sequence[SelfTest], *, as_json: bool) -> None:
    """How each board's self-test ended, and what to do next."""
    if as_json:
        _print_json([_self_test_fields(test) for test in tests])
        return
    console = _console()
    for test in tests:
        color = "green" if test.result == "passed" else "red"
        console.print(f"[bold {color}]{test.result}[/]: {escape(test.detail)}")
        if test.remedy:
            console.print(f"  remedy: {escape(test.remedy)}")


def print_probes(probes: Sequence[Probe], confined: Mapping[str, Confinement], *, as_json: bool) -> None:
    """A row a board, and a line below for each problem and each board in quarantine."""
    if as_json:
        _print_json([_probe_fields(probe, confined) for probe in probes])
        return
    _print_table(
        ("board", "pool", "runs", "confirmed", "spare slot", "arena", "last reset", "uptime", "faults"),
        (_probe_row(probe) for probe in probes),
    )
    console = _console()
    for probe in probes:
        if probe.problem:
            console.print(f"[bold red]{escape(probe.board.name)}[/]: {escape(probe.problem)}")
        if reason := _reason(probe.board, confined):
            console.print(f"[bold red]{escape(probe.board.name)}[/] is in quarantine: {escape(reason)}")


def print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """How a change to a board ended, and what to do next."""
    if as_json:
        _print_json(
            {
                "board": outcome.board,
                "outcome": outcome.result,
                "detail": outcome.detail,
                "remedy": outcome.remedy,
                "running": _image_fields(outcome.running),
            }
        )
        return
    console = _console()
    color = "red" if outcome.refused else "green"
    console.print(f"[bold {color}]{outcome.result}[/]: {escape(outcome.detail)}")
    if outcome.remedy:
        console.print(f"  {'remedy' if outcome.refused else 'next'}: {escape(outcome.remedy)}")
    if outcome.refused and outcome.running:
        kept = "confirmed" if outcome.running.confirmed else "on trial"
        running = f"{outcome.running.version} ({outcome.running.hash.hex()[:8]}), {kept}"
        console.print(f"  {escape(outcome.board)} runs {escape(running)}")


def print_inference(inference: Inference, *, as_json: bool) -> None:
    """A row a sample: the class it names, its scores, its time."""
    names = inference.class_names
    if as_json:
        samples = [
            {
                "class": named,
                "name": names[named] if names and named is not None else None,
                "scores": [float(score) for score in scores],
                "microseconds": int(time) or None,
            }
            for named, scores, time in zip(inference.classes, inference.scores, inference.microseconds, strict=True)
        ]
        _print_json({"board": inference.board, "image": inference.image_hash.hex(), "samples": samples})
        return
    rows = []
    for number, named in enumerate(inference.classes):
        scores = inference.scores[number]
        shown = ", ".join(f"{score:.4g}" for score in scores[:_SHOWN_SCORES])
        more = f", ... ({len(scores)} in all)" if len(scores) > _SHOWN_SCORES else ""
        label = "-" if named is None else f"{named} {names[named]}" if names else str(named)
        time = f"{inference.microseconds[number]:,}" if inference.microseconds[number] else "-"
        rows.append((str(number), label, shown + more, time))
    _print_table(("sample", "class", "scores", "microseconds"), rows)


def print_log(steps: Sequence[Step], firmware: Path | None, *, as_json: bool) -> None:
    """A line a step, and where the firmware's own log is."""
    if as_json:
        lines = read_file(firmware, f"log {firmware}").decode(errors="replace").splitlines() if firmware else None
        _print_json({"steps": [step.model_dump(mode="json") for step in steps], "firmware_log": lines})
        return
    console = _console()
    for step in steps:
        text = f"{step.action}: {step.detail}" if step.detail else step.action
        console.print(f"{step.at:%Y-%m-%d %H:%M:%S} UTC  {escape(text)}")
    if not steps:
        console.print("no step is recorded in this workspace")
    if firmware:
        console.print(f"log of the board's firmware: {escape(str(firmware))}")


def _address(board: BoardEntry) -> str:
    return "virtual" if board.url is None else board.url


def _pool(board: BoardEntry) -> str:
    return f"{board.pool} (spare)" if board.spare else board.pool


def _reason(board: BoardEntry, confined: Mapping[str, Confinement]) -> str | None:
    """Why a board is in quarantine; None if it is not."""
    return confined[board.name].reason if board.name in confined else None


def _state(board: BoardEntry, confined: Mapping[str, Confinement]) -> str:
    return "quarantined" if board.name in confined else "healthy"


def _health_row(board: BoardEntry, confined: Mapping[str, Confinement]) -> tuple[str, ...]:
    confinement = confined.get(board.name)
    told = (f"{confinement.since:%Y-%m-%d %H:%M:%S} UTC", confinement.reason) if confinement else ("-", "-")
    return (board.name, _pool(board), _state(board, confined), *told)


def _health_fields(board: BoardEntry, confined: Mapping[str, Confinement]) -> dict[str, Any]:
    confinement = confined.get(board.name)
    return {
        "board": board.name,
        "pool": board.pool,
        "spare": board.spare,
        "quarantined": confinement.reason if confinement else None,
        "since": confinement.since.isoformat() if confinement else None,
    }


def _self_test_fields(test: SelfTest) -> dict[str, Any]:
    return {
        "board": test.board,
        "result": test.result,
        "detail": test.detail,
        "remedy": test.remedy,
        "release": test.release,
        "quarantined": test.quarantined,
        "checks": [check.model_dump(mode="json") for check in test.verdict.checks] if test.verdict else [],
    }


def _image_fields(image: SlotState | None) -> dict[str, Any] | None:
    if image is None:
        return None
    return {
        "version": image.version,
        "hash": image.hash.hex(),
        "confirmed": image.confirmed,
        "pending": image.pending,
    }


def _probe_fields(probe: Probe, confined: Mapping[str, Confinement]) -> dict[str, Any]:
    info, health = probe.info, probe.health
    return {
        "board": probe.board.name,
        "pool": probe.board.pool,
        "spare_board": probe.board.spare,
        "quarantined": _reason(probe.board, confined),
        "reachable": probe.reachable,
        "problem": probe.problem,
        "running": _image_fields(probe.running),
        "spare": _image_fields(probe.spare),
        "arena_used": info.arena_used if info else None,
        "arena_bytes": info.arena_bytes if info else None,
        "reset_reason": health.reset_reason.name.lower() if health else None,
        "uptime_ms": health.uptime_ms if health else None,
        "faults": health.faults if health else None,
        "last_fault": health.last_fault if health else None,
    }


def _probe_row(probe: Probe) -> tuple[str, ...]:
    running, info, health = probe.running, probe.info, probe.health
    if health is None:
        return (probe.board.name, _pool(probe.board), "does not answer")
    return (
        probe.board.name,
        _pool(probe.board),
        _short(running),
        "-" if running is None else "yes" if running.confirmed else "on trial",
        _short(probe.spare) + (", boots next" if probe.spare and probe.spare.pending else ""),
        f"{info.arena_used:,} of {info.arena_bytes:,}" if info else "-",
        health.reset_reason.name.lower().replace("_", " "),
        f"{health.uptime_ms / 1000:,.1f} s",
        str(health.faults),
    )


def _short(image: SlotState | None) -> str:
    return f"{image.version} ({image.hash.hex()[:8]})" if image else "empty"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for title in head:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = _console()
    if not console.is_terminal:
        # What a file or another program reads has a line a row.
        console.width = _UNLIMITED
    console.print(table)


def _print_json(content: object) -> None:
    json.dump(content, sys.stdout, indent=2)
    sys.stdout.write("\n")
