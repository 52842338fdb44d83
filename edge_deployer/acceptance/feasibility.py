"""Whether a plan can come to a verdict at all: asked before anything is installed."""

from __future__ import annotations

from collections.abc import Collection

from edge_deployer.acceptance.check import all_checks
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.sequential import require_as_many
from edge_deployer.errors import TinyopsError
from edge_deployer.tflm import why_no_estimate


def require_feasible(plan: AcceptancePlan, reference: Reference, *, profiles: Collection[str], boards: int) -> None:
    """See that the plan can come to a verdict, before anything is installed.

    Raises:
        TinyopsError: something is missing; the message has the number.
    """
    require_budgets(plan, profiles)
    require_quorum(plan, boards)
    _require_quality(plan, reference)
    computed = reference.outputs is not None
    require_samples(plan, len(reference), labelled=reference.metric == "accuracy", computed=computed)
    for check in all_checks():
        check.require(plan, reference)


def require_budgets(plan: AcceptancePlan, profiles: Collection[str]) -> None:
    """See that every profile has its budget, where there is more than one or any has.

    Raises:
        TinyopsError: the message names the profiles that have none.
    """
    missing = sorted(set(profiles) - set(plan.budgets))
    if missing and (plan.budgets or len(missing) > 1):
        raise TinyopsError(
            f"acceptance plan: boards have the profiles {', '.join(sorted(profiles))}, and `budgets` has nothing for "
            f"{', '.join(missing)} ({len(missing)} missing)",
            remedy="give each profile its budget, e.g. `" + missing[0] + ": {latency_p95_us: 200000}`, or {} for none",
        )


def require_times(plan: AcceptancePlan, virtual_profiles: Collection[str], model: bytes) -> None:
    """See that virtual boards, which only estimate, can be held to the plan's limits of time by a ``.tflite`` file.

    Raises:
        TinyopsError: a profile has a limit; the message names it.
    """
    limited = [profile for profile in sorted(virtual_profiles) if plan.budget(profile).latency_limits]
    missing = why_no_estimate(model) if limited else None
    if missing:
        raise TinyopsError(
            f"acceptance plan: `budgets` limits the latency on {' and '.join(limited)}, and virtual boards cannot "
            f"estimate it: {missing}",
            remedy="take the limits of latency out of the plan, or measure the model on real boards",
        )


def require_quorum(plan: AcceptancePlan, boards: int) -> None:
    """See that staging has as many boards, without spares, as must accept.

    Raises:
        TinyopsError: the message has the number that is missing.
    """
    if plan.quorum_of(boards) > boards:
        raise TinyopsError(
            f"acceptance plan: quorum {plan.quorum} cannot be met, staging has {boards} boards besides its spares: "
            f"{plan.quorum_of(boards) - boards} missing",
            remedy="add staging boards to the inventory, or lower the quorum",
        )


def _require_quality(plan: AcceptancePlan, reference: Reference) -> None:
    """See that the samples have what the plan's floors and ceilings judge, and that anything is judged at all."""
    wanted = [check for check in all_checks() if check.metric is not None and check.is_asked(plan)]
    measured = () if reference.metric is None or reference.task is None else reference.task.metrics
    for check in wanted:
        if check.metric not in measured:
            has = f"data for {reference.metric}" if reference.metric else "no labelled data"
            raise TinyopsError(
                f"acceptance plan: `{check.name}` needs {check.needs}; the acceptance set has {has}, 0 samples for it",
                remedy=f"give labelled data, or take `{check.name}` out of the plan",
            )
    if reference.outputs is None and not wanted:
        raise TinyopsError(
            "the release has no reference of TFLM's, and the acceptance plan sets no floor: nothing would be judged",
            remedy=f"set `{reference.metric or 'accuracy'}` in the plan, or build the release where TFLM runs",
        )


def require_samples(plan: AcceptancePlan, samples: int, *, labelled: bool, computed: bool) -> None:
    """See that an acceptance set of so many samples suffices; arguments as for `Check.samples_needed`.

    Raises:
        TinyopsError: they are too few; the message has the number that is missing.
    """
    for check, needed in samples_needed(plan, labelled=labelled, computed=computed).items():
        require_as_many(check, needed, min(samples, plan.samples))


def samples_needed(plan: AcceptancePlan, *, labelled: bool, computed: bool) -> dict[str, int]:
    """How many samples each check of a plan needs, by its name; arguments as for `Check.samples_needed`."""
    found = {check.name: check.samples_needed(plan, labelled=labelled, computed=computed) for check in all_checks()}
    return {name: needed for name, needed in found.items() if needed is not None}
