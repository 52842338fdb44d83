"""The line of gates a model passes on its way to production, and how far this one came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_deployer.report import formats
from edge_deployer.report.facts import Report

GateState = Literal["passed", "stopped", "undecided", "failed too", "not reached", "no record", "earlier"]

_ORDER = ("data", "evaluation", "validation", "signature", "boards", "staging", "production")
_ONLY_WHERE_STOPPED = frozenset({"signature", "boards"})


@dataclass(frozen=True)
class GateMark:
    """One gate on the line."""

    name: str  # Data, evaluation, validation, signature, boards, staging or production.
    # ``undecided`` where it stopped for want of a verdict; ``no record`` where the gate is not part of this run;
    # ``earlier`` where an earlier deployment passed it; ``failed too`` where it judged the model although another gate
    # had refused it.
    state: GateState
    note: str  # The figure that decided, in a few words; may be empty.


def gate_line(report: Report) -> list[GateMark]:
    """The gates from data to production. Signature and boards stand on it only where they stopped the release."""
    refused_at = report.deployment.gate
    names = [name for name in _ORDER if name not in _ONLY_WHERE_STOPPED or name == refused_at]
    stop = names.index(refused_at) if refused_at else len(names)
    notes = _notes(report)
    return [GateMark(name, _state(report, name, place - stop), notes.get(name, "")) for place, name in enumerate(names)]


def _state(report: Report, name: str, beyond_stop: int) -> GateState:
    if beyond_stop == 0:
        return "undecided" if report.deployment.outcome == "no verdict" else "stopped"
    if name in ("staging", "production"):
        if beyond_stop > 0:
            return "not reached"
        return "earlier" if report.deployment.outcome == "unchanged" else "passed"
    blessed = _own_judgement(report, name)
    if blessed is None:
        return "not reached" if beyond_stop > 0 else "no record"
    return "passed" if blessed else "failed too"


def _own_judgement(report: Report, name: str) -> bool | None:
    """What the gate itself found; None where its step left no facts."""
    if name == "evaluation":
        return report.evaluation.blessed if report.evaluation else None
    if name == "validation":
        return report.validation.blessed if report.validation else None
    return True if report.data else None


def _notes(report: Report) -> dict[str, str]:
    notes = {}
    if report.data:
        notes["data"] = f"{formats.grouped(sum(report.data.splits.values()))} examples"
    if report.evaluation:
        judged = report.evaluation
        notes["evaluation"] = formats.metric(judged.figure, judged.metric)
        if judged.metric in judged.least:
            notes["evaluation"] += f", floor {formats.metric(judged.least[judged.metric], judged.metric)}"
        if judged.metric in judged.most:
            notes["evaluation"] += f", ceiling {formats.metric(judged.most[judged.metric], judged.metric)}"
    if report.validation and report.validation.arena_bytes is not None:
        notes["validation"] = f"arena {formats.byte_count(report.validation.arena_bytes)}"
    for pool in ("staging", "production"):
        boards = [board for board in report.deployment.boards if board.pool == pool]
        wanted = [board for board in boards if board.evidence or not board.spare]
        if any(board.evidence for board in boards):
            accepting = sum(board.verdict is not None and board.verdict.accepted for board in wanted)
            notes[pool] = f"{accepting} of {len(wanted)} boards accept"
    return notes
