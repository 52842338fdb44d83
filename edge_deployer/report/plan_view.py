"""The acceptance plan in words."""

from __future__ import annotations

from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.registry import declared
from edge_deployer.report import formats, words


def plan_rows(plan: AcceptancePlan) -> list[tuple[str, str]]:
    """What the plan asks, a row an entry, with what it means."""
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
            facts = {"section": plan.section(check.section), "plan": plan}
            rows.append((words.render(check.heading, **facts), words.render(check.asks, **facts)))
    return rows


def _error_rates(plan: AcceptancePlan) -> str:
    return (
        f"what is as good as tolerated is refused with probability {formats.percent(plan.alpha)} at most, what is bad "
        f"is accepted with {formats.percent(plan.beta)} at most; bounds hold with "
        f"{formats.confidence(plan.confidence)} confidence"
    )


def _budget(budget: Budget) -> str:
    parts = [f"{name} {formats.duration_us(limit)}" for name, limit in budget.latency_limits.items()]
    sizes = {"arena": budget.arena_bytes, "flash": budget.flash_bytes}
    parts += [f"{name} {formats.byte_count(limit)}" for name, limit in sizes.items() if limit is not None]
    return ", ".join(parts) or "what the profile has"
