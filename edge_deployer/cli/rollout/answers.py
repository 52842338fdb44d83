"""Prints what rollouts would do, how far they are, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.cli import output
from edge_deployer.report import formats
from edge_deployer.report.words import in_words
from edge_deployer.rollout.record import NO_WAY_BACK, Progress, RolloutPlan


def print_plan(plan: RolloutPlan, *, as_json: bool) -> None:
    """The waves of a rollout that was not begun, with their boards."""
    if as_json:
        output.print_json(
            {
                "release": plan.release.release_id,
                "staging": plan.staging,
                "waves": [{"boards": boards, "approval": _asks(plan, n)} for n, boards in enumerate(plan.waves)],
                "strategy": plan.strategy,
            }
        )
        return
    console = output.console()
    console.print(f"[bold]{plan.release.release_id}[/] would go to")
    staging = ", ".join(plan.staging) or f"none: {plan.precedents} has accepted it by this plan"
    rows = [("staging", str(len(plan.staging)), staging, "")]
    rows += [
        (f"wave {number + 1}", str(len(boards)), ", ".join(boards), "approval" if _asks(plan, number) else "")
        for number, boards in enumerate(plan.waves)
    ]
    output.print_table(("wave", "boards", "", "before it"), rows)
    console.print(f"  {escape(_gates(plan))}")


def print_progress(progress: Progress, releases: dict[str, str], *, as_json: bool) -> None:
    """How far a rollout is, wave by wave, and what to do next."""
    if as_json:
        output.print_json(_fields(progress, releases))
        return
    console = output.console()
    plan = progress.plan
    console.print(f"[bold]{plan.id}[/]: {plan.release.release_id}, {escape(_state(progress))}")
    rows = [
        (f"wave {number + 1}", str(len(boards)), _counts(progress, boards)) for number, boards in enumerate(plan.waves)
    ]
    output.print_table(("wave", "boards", "state"), rows)
    for name, standing in progress.standing.items():
        if standing in ("failed", "away"):
            console.print(f"  {name}: {standing}, {escape(progress.records[name].outcome)}")
    if runs := what_boards_run(progress.records.values(), releases):
        console.print(f"  boards: {escape(runs)}")
    for wave, said in progress.approvals.items():
        what = "no way back below the floor" if wave == NO_WAY_BACK else f"wave {wave + 1}"
        console.print(escape(f"  approved: {what} by {said['who']}, {said['at'][:19]}Z: {said['why']}"))
    if next_step := _next_step(progress):
        console.print(f"  next:   {escape(next_step)}")


def print_history(rollouts: Sequence[Progress], *, as_json: bool) -> None:
    """One row per rollout, the newest first."""
    if as_json:
        output.print_json([_fields(progress, {}) for progress in reversed(rollouts)])
        return
    rows = (
        (
            progress.plan.id,
            progress.plan.release.release_id,
            formats.utc(progress.begun),
            _state(progress),
            _counts(progress, progress.plan.production),
            progress.plan.by,
        )
        for progress in reversed(rollouts)
    )
    output.print_table(("rollout", "release", "begun", "state", "production", "by"), rows)


def state_in_words(progress: Progress) -> str:
    """Where a rollout stands, and why it ended there."""
    return _state(progress)


def _fields(progress: Progress, releases: dict[str, str]) -> dict[str, Any]:
    plan = progress.plan
    return {
        "rollout": plan.id,
        "release": plan.release.release_id,
        "image": plan.release.image_hash,
        "state": progress.state,
        "outcome": progress.outcome,
        "gate": progress.gate,
        "reason": in_words(progress.reason) if progress.reason else None,
        "waits_for_wave": progress.waits_for,
        "begun": progress.begun,
        "changed": progress.changed,
        "by": plan.by,
        "waves": plan.waves,
        "approvals": progress.approvals,
        "boards": [
            {
                "board": record.name,
                "pool": record.pool,
                "standing": progress.standing.get(record.name),
                "outcome": record.outcome,
                "answer": record.answer,
                "image": record.image_after,
                "release": releases.get(record.image_after or ""),
                "before": record.image_before,
            }
            for record in progress.records.values()
        ],
    }


def _state(progress: Progress) -> str:
    if progress.state != "ended":
        wave = progress.waits_for
        return f"waits for the approval of wave {wave + 1}" if wave is not None else progress.state
    why = f": {in_words(progress.reason)}" if progress.reason else ""
    return f"{progress.outcome}{f' at {progress.gate}' if progress.gate else ''}{why}"


def _counts(progress: Progress, boards: Sequence[str]) -> str:
    counted = Counter[str](progress.standing[name] for name in boards)
    said = {"accepted": "run it", "failed": "failed", "away": "away", "waiting": "waiting"}
    return ", ".join(f"{counted[standing]} {words}" for standing, words in said.items() if counted[standing])


def _next_step(progress: Progress) -> str:
    rollout = progress.plan.id
    if progress.state == "waits for approval":
        return f"tinyops rollout approve {rollout} --why TEXT, then tinyops rollout resume {rollout}"
    if progress.state == "paused":
        return f"tinyops rollout resume {rollout}, or tinyops rollout abort {rollout}"
    return ""


def _asks(plan: RolloutPlan, number: int) -> bool:
    return plan.strategy.waves[number].approval


def _gates(plan: RolloutPlan) -> str:
    strategy = plan.strategy
    wanted = "all that do not fail" if strategy.min_success is None else f"{strategy.min_success:.0%} of its boards"
    bake = f", watched for {strategy.bake.seconds:g} s" if strategy.bake else ""
    return (
        f"{strategy.concurrency} boards at a time; a wave passes with {wanted}{bake}; all go back if more than "
        f"{strategy.tolerated(len(plan.production))} fail"
    )
