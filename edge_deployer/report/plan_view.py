"""The acceptance plan in words."""

from __future__ import annotations

from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.registry import declared
from edge_deployer.report import formats, words

_LATENCIES = {"latency_p50_us": "p50", "latency_p95_us": "p95", "latency_p99_us": "p99", "latency_max_us": "max"}


def plan_rows(plan: AcceptancePlan) -> list[tuple[str, str]]:
    """What the plan asks, one row per entry, with what it means."""
    rows = [
        ("Samples, staging", f"as many as a decision needs, {formats.grouped(plan.samples)} at most"),
        ("Samples, production", f"{formats.grouped(plan.golden_vectors)} golden vectors"),
        ("Error rates", _error_rates(plan)),
        *_sections(plan),
        ("Quorum", "two staging boards, or one where there is one" if plan.quorum is None else f"{plan.quorum} boards"),
    ]
    rows += [(f"Budget of {profile}", _budget(budget)) for profile, budget in plan.budgets.items()]
    warns = [formats.words(name) for name, consequence in plan.on_failure.items() if consequence == "warn"]
    return [*rows, ("Only warn", ", ".join(warns) or "no check")]


def _sections(plan: AcceptancePlan) -> list[tuple[str, str]]:
    """A row for each check that plans have a section for."""
    rows = []
    for check in declared():
        if check.section is not None:
            heading, asked = (words.render(t, section=plan.section(check.section), plan=plan) for t in check.asks)
            rows.append((heading, asked))
    return rows


def _error_rates(plan: AcceptancePlan) -> str:
    return (
        f"what is as good as tolerated is refused with probability {formats.percent(plan.alpha)} at most, what is bad "
        f"is accepted with {formats.percent(plan.beta)} at most; bounds hold with "
        f"{formats.confidence(plan.confidence)} confidence"
    )


def _budget(budget: Budget) -> str:
    parts = [
        f"{name} {formats.duration_us(limit)}"
        for field, name in _LATENCIES.items()
        if (limit := getattr(budget, field)) is not None
    ]
    parts += [
        f"{name} {formats.byte_count(limit)}"
        for name, limit in (("arena", budget.arena_bytes), ("flash", budget.flash_bytes))
        if limit is not None
    ]
    return ", ".join(parts) or "what the profile has"
