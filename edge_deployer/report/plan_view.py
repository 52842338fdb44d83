"""The acceptance plan in words."""

from __future__ import annotations

from edge_deployer.acceptance.plan import AcceptancePlan, Budget, Ceiling, Disagreement, Floor
from edge_deployer.report import formats

_LATENCIES = {"latency_p50_us": "p50", "latency_p95_us": "p95", "latency_p99_us": "p99", "latency_max_us": "max"}


def plan_rows(plan: AcceptancePlan) -> list[tuple[str, str]]:
    """What the plan asks, a row an entry, with what it means."""
    steps = f"more than {plan.outputs.tolerance} step{'' if plan.outputs.tolerance == 1 else 's'} off TFLM's"
    rows = [
        ("Samples, staging", f"as many as a decision needs, {formats.grouped(plan.samples)} at most"),
        ("Samples, production", f"{formats.grouped(plan.golden_vectors)} golden vectors"),
        ("Error rates", _error_rates(plan)),
        ("Another class than TFLM's", _disagreement(plan.labels)),
        (f"Outputs {steps}", _disagreement(plan.outputs)),
        ("Accuracy", _floor(plan.accuracy, plan)),
        ("AUC", _floor(plan.auc, plan)),
        ("Mean absolute error", _ceiling(plan.mae)),
        ("Against production", _against_production(plan)),
        ("Soak", f"{formats.grouped(plan.soak_inferences)} inferences again, outputs must not change"),
        ("Power cycle", "staging boards are reset once more when confirmed" if plan.power_cycle else "none"),
        ("Quorum", "two staging boards, or one where there is one" if plan.quorum is None else f"{plan.quorum} boards"),
    ]
    rows += [(f"Budget of {profile}", _budget(budget)) for profile, budget in plan.budgets.items()]
    warns = [formats.words(name) for name, consequence in plan.on_failure.items() if consequence == "warn"]
    return [*rows, ("Only warn", ", ".join(warns) or "no check")]


def _error_rates(plan: AcceptancePlan) -> str:
    return (
        f"what is as good as tolerated is refused with probability {formats.percent(plan.alpha)} at most, what is bad "
        f"is accepted with {formats.percent(plan.beta)} at most; bounds hold with "
        f"{formats.confidence(plan.confidence)} confidence"
    )


def _disagreement(shares: Disagreement) -> str:
    return f"{formats.percent(shares.tolerated)} of samples is tolerated, {formats.percent(shares.bad)} is bad"


def _floor(floor: Floor | None, plan: AcceptancePlan) -> str:
    if floor is None:
        return (
            "better than a constant answer, where it is the task's" if plan.better_than_constant else "no floor is set"
        )
    return f"at least {formats.percent(floor.floor)}; {formats.percent(floor.floor - floor.margin)} is bad"


def _ceiling(ceiling: Ceiling | None) -> str:
    if ceiling is None:
        return "no ceiling is set"
    bad = formats.number(ceiling.ceiling + ceiling.margin)
    return f"at most {formats.number(ceiling.ceiling)}; {bad} is bad"


def _against_production(plan: AcceptancePlan) -> str:
    if plan.against_production is None:
        return "not compared"
    return f"an accuracy lower by {formats.percent(plan.against_production.margin)} is bad"


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
