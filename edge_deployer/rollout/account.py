"""The account of a rollout: how it fared, as reports have it."""

from __future__ import annotations

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.trial import Trial
from edge_deployer.rollout.deployment import Deployment, Tolerance
from edge_deployer.rollout.record import Progress, RolloutPlan


def account_of(bench: Bench, progress: Progress, trial: Trial) -> Deployment:
    """The record of a rollout that has ended.

    Args:
        bench: the boards.
        progress: of the rollout.
        trial: its release, and the terms of its acceptance.
    """
    assert progress.outcome is not None
    assert progress.changed is not None
    plan, known = progress.plan, records_of(bench, progress)
    records = [known[entry.name] for entry in bench.inventory.boards if entry.name in known]
    return Deployment(
        outcome=progress.outcome,
        gate=progress.gate,
        reason=progress.reason,
        release=plan.release,
        plan=plan.acceptance,
        reference=trial.reference if any(record.evidence for record in records) else None,
        staging=progress.staging,
        boards=records,
        bears=_tolerance(plan),
        releases=bench.releases.ids(),
        steps=progress.steps,
        started=progress.begun,
        finished=progress.changed,
    )


def records_of(bench: Bench, progress: Progress) -> dict[str, BoardRecord]:
    """Of each board of a rollout; one that it has not come to yet was not asked."""
    confined, boards = bench.quarantine.boards(), frozenset(progress.plan.boards)
    fresh = {
        entry.name: BoardRecord(
            name=entry.name,
            pool=entry.pool,
            profile=entry.profile,
            virtual=entry.virtual,
            spare=entry.spare,
            quarantined=confined[entry.name].reason if entry.name in confined else None,
            answer="not asked",
        )
        for entry in bench.inventory.boards
        if entry.name in boards
    }
    return fresh | progress.records


def _tolerance(plan: RolloutPlan) -> Tolerance:
    failures = plan.strategy.tolerated(len(plan.production))
    spared = sum(plan.strategy.spared(len(wave)) for wave in plan.waves)
    missing = failures if plan.strategy.min_success is None else spared
    return Tolerance(failures=failures, missing=missing, staged_before=plan.precedents)
