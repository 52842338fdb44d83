"""Prints what boards answered, what became of them, and what was done to them before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from edge_deployer.boards.hand import describe
from edge_deployer.cli import output
from edge_deployer.cli.boards.listing import pool_of, why_confined
from edge_deployer.files import read_file
from edge_deployer.report.words import in_words, remedy_in_words, step_in_words

if TYPE_CHECKING:
    from edge_deployer.boards.actions import ActionOutcome
    from edge_deployer.boards.inference import Inference
    from edge_deployer.boards.probe import Probe
    from edge_deployer.boards.record import Step
    from edge_deployer.inventory.quarantine import Confinement
    from edge_deployer.session import SlotState

_SHOWN_SCORES = 5


def print_probes(probes: Sequence[Probe], confined: Mapping[str, Confinement], *, as_json: bool) -> None:
    """One row per board, and a line below for each problem and each board in quarantine."""
    if as_json:
        output.print_json([_probe_fields(probe, confined) for probe in probes])
        return
    output.print_table(
        ("board", "pool", "runs", "confirmed", "spare slot", "arena", "last reset", "uptime", "faults"),
        (_probe_row(probe) for probe in probes),
    )
    console = output.console()
    for probe in probes:
        if probe.problem:
            console.print(f"[bold red]{escape(probe.board.name)}[/]: {escape(probe.problem)}")
        if reason := why_confined(probe.board, confined):
            console.print(f"[bold red]{escape(probe.board.name)}[/] is in quarantine: {escape(reason)}")


def print_outcome(outcome: ActionOutcome, *, as_json: bool) -> None:
    """How a change to a board ended, and what to do next."""
    if as_json:
        output.print_json(
            {
                "board": outcome.board,
                "outcome": outcome.result,
                "detail": in_words(outcome.finding),
                "remedy": remedy_in_words(outcome.finding),
                "running": _image_fields(outcome.running),
            }
        )
        return
    console = output.console()
    color = "red" if outcome.refused else "green"
    console.print(f"[bold {color}]{outcome.result}[/]: {escape(in_words(outcome.finding))}")
    if remedy := remedy_in_words(outcome.finding):
        console.print(f"  {'remedy' if outcome.refused else 'next'}: {escape(remedy)}")
    if outcome.refused and outcome.running:
        kept = "confirmed" if outcome.running.confirmed else "on trial"
        console.print(f"  {escape(outcome.board)} runs {escape(describe(outcome.running))}, {kept}")


def print_inference(inference: Inference, *, as_json: bool) -> None:
    """One row per sample: the class it names, its scores, its time."""
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
        output.print_json({"board": inference.board, "image": inference.image_hash.hex(), "samples": samples})
        return
    rows = []
    for number, named in enumerate(inference.classes):
        scores = inference.scores[number]
        shown = ", ".join(f"{score:.4g}" for score in scores[:_SHOWN_SCORES])
        more = f", ... ({len(scores)} in all)" if len(scores) > _SHOWN_SCORES else ""
        label = "-" if named is None else f"{named} {names[named]}" if names else str(named)
        time = f"{inference.microseconds[number]:,}" if inference.microseconds[number] else "-"
        rows.append((str(number), label, shown + more, time))
    output.print_table(("sample", "class", "scores", "microseconds"), rows)


def print_log(steps: Sequence[Step], firmware: Path | None, *, as_json: bool) -> None:
    """One line per step, and where the firmware's own log is."""
    if as_json:
        lines = read_file(firmware, f"log {firmware}").decode(errors="replace").splitlines() if firmware else None
        output.print_json({"steps": steps, "firmware_log": lines})
        return
    console = output.console()
    for step in steps:
        text = step_in_words(step)
        console.print(f"{step.at:%Y-%m-%d %H:%M:%S} UTC  {escape(text)}")
    if not steps:
        console.print("no step is recorded in this workspace")
    if firmware:
        console.print(f"log of the board's firmware: {escape(str(firmware))}")


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
        "quarantined": why_confined(probe.board, confined),
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
        return (probe.board.name, pool_of(probe.board), "does not answer")
    return (
        probe.board.name,
        pool_of(probe.board),
        _short(running),
        "-" if running is None else "yes" if running.confirmed else "on trial",
        _short(probe.spare) + (", boots next" if probe.spare and probe.spare.pending else ""),
        f"{info.arena_used:,} of {info.arena_bytes:,}" if info else "-",
        health.reset_reason.name.lower().replace("_", " "),
        f"{health.uptime_ms / 1000:,.1f} s",
        str(health.faults),
    )


def _short(image: SlotState | None) -> str:
    return describe(image) if image else "empty"
