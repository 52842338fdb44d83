"""Whether a plan can come to a verdict at all: asked before anything is installed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from edge_deployer.acceptance.agreement import BoolArray
from edge_deployer.acceptance.floors import above_constant, auc_floor
from edge_deployer.acceptance.plan import AcceptancePlan, Ceiling, CheckName
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.sequential_tests import (
    accuracy_test,
    disagreement_test,
    mae_test,
    paired_test,
)
from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest
from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest, FloorTest
from edge_deployer.acceptance.statistics.decision import Decision, Standing, TooFewSamplesError
from edge_deployer.errors import TinyopsError
from edge_deployer.tflm import why_no_estimate

_MOST = 200_000
"""More samples than a plan may have: what needs as many is not counted any further."""
_FIX = "give more held-out samples, raise `samples`, alpha or beta, or widen the check"
_NO_FLOOR = "give more held-out samples, set a floor in the acceptance plan, or `better_than_constant: false`"


def require_feasible(plan: AcceptancePlan, reference: Reference, *, profiles: Collection[str], boards: int) -> None:
    """See that the plan can come to a verdict, before anything is installed.

    Args:
        plan: the plan.
        reference: the acceptance set, as far as the plan allows.
        profiles: names of the board profiles of all boards.
        boards: staging boards, without spares.

    Raises:
        TinyopsError: something is missing; the message has the number.
    """
    require_budgets(plan, profiles)
    require_quorum(plan, boards)
    _require_data(plan, reference)
    has_reference, classes = reference.outputs is not None, reference.metric == "accuracy"
    require_samples(plan, len(reference), labelled=classes, reference=has_reference)
    if reference.metric == "accuracy" and reference.true_labels is not None:
        require_better_than_constant(plan, np.bincount(reference.true_labels).tolist())
    _require_auc(plan, reference)
    if plan.mae is not None:
        _require_mae(plan.mae, reference, plan)


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
    """See that virtual boards, which only estimate, can be held to the plan's limits of time.

    Args:
        plan: the plan.
        virtual_profiles: names of the profiles of the virtual boards.
        model: bytes of a ``.tflite`` file.

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


def _require_data(plan: AcceptancePlan, reference: Reference) -> None:
    wanted = {"accuracy": plan.accuracy, "auc": plan.auc, "mae": plan.mae}
    needs = {
        "accuracy": "labels that are classes",
        "auc": "labels 0 and 1 of a model that scores",
        "mae": "`targets`, the true values",
    }
    for metric, threshold in wanted.items():
        measured = () if reference.metric is None or reference.task is None else reference.task.metrics
        if threshold is not None and metric not in measured:
            has = f"data for {reference.metric}" if reference.metric else "no labelled data"
            raise TinyopsError(
                f"acceptance plan: `{metric}` needs {needs[metric]}; the acceptance set has {has}, 0 samples for it",
                remedy=f"give labelled data, or take `{metric}` out of the plan",
            )
    if reference.outputs is None and not any(wanted.values()):
        raise TinyopsError(
            "the release has no reference of TFLM's, and the acceptance plan sets no floor: nothing would be judged",
            remedy=f"set `{reference.metric or 'accuracy'}` in the plan, or build the release where TFLM runs",
        )


def require_samples(plan: AcceptancePlan, samples: int, *, labelled: bool, reference: bool) -> None:
    """See that an acceptance set of so many samples suffices, as far as that does not depend on what is in it.

    Args:
        plan: the plan.
        samples: of the acceptance set; more than the plan allows do not count.
        labelled: whether they have labels that are classes.
        reference: whether they have TFLM's outputs.

    Raises:
        TinyopsError: they are too few; the message has the number that is missing.
    """
    for check, needed in samples_needed(plan, labelled=labelled, reference=reference).items():
        _require_as_many(check, needed, min(samples, plan.samples), "samples")


def samples_needed(plan: AcceptancePlan, *, labelled: bool, reference: bool) -> dict[CheckName, int]:
    """How many samples each check of a plan needs, as far as that does not depend on what is in them.

    Args:
        plan: the plan; how many samples it allows does not matter.
        labelled: whether the samples have labels that are classes.
        reference: whether they have TFLM's outputs.
    """
    needed: dict[CheckName, int] = {}
    accuracy, against = plan.accuracy, plan.against_production
    if reference:
        needed["labels"] = _needed(lambda: disagreement_test(plan.labels, 1, plan))
        needed["outputs"] = _needed(lambda: disagreement_test(plan.outputs, 1, plan))
    if accuracy is not None and labelled:
        needed["accuracy"] = _needed(lambda: accuracy_test(accuracy, 1, plan))
    if against is not None and labelled:
        needed["against_production"] = _fewest(lambda cap: paired_test(against, cap, plan).decide(*_as_good(cap)))
    return needed


def require_better_than_constant(plan: AcceptancePlan, counts: Sequence[int]) -> None:
    """See that labelled samples can show a model to be better than always naming their commonest class.

    Args:
        plan: the plan; nothing is asked where it sets a floor of accuracy, or says so.
        counts: samples of each class; more than the plan allows count by their shares.

    Raises:
        TinyopsError: they are of one class, or too few; the message has the number that is missing.
    """
    if plan.accuracy is not None or not plan.better_than_constant:
        return
    samples, majority = min(sum(counts), plan.samples), max(counts) / sum(counts)
    if majority == 1:
        raise TinyopsError(
            f"all {samples} samples of the acceptance set have label {list(counts).index(max(counts))}: nothing tells "
            "the model from one that always answers it",
            remedy="add samples of the other classes, or set `better_than_constant: false` in the acceptance plan",
        )
    floor = above_constant(majority, samples, plan)
    _require_as_many("accuracy", _needed(lambda: accuracy_test(floor, samples, plan)), samples, "samples", _NO_FLOOR)


def _require_auc(plan: AcceptancePlan, reference: Reference) -> None:
    auc = auc_floor(plan, reference)
    if auc is not None:
        needed = _fewest(lambda cap: FloorTest(auc.floor, auc.margin, plan.alpha, plan.beta, cap).decide(np.ones(cap)))
        _require_as_many("auc", needed, reference.pairs, "pairs of an anomaly and a normal sample", _NO_FLOOR)


def _require_mae(mae: Ceiling, reference: Reference, plan: AcceptancePlan) -> None:
    try:
        largest = mae_test(mae, reference, plan).high
    except ValueError as error:
        raise TinyopsError(
            f"acceptance plan: `mae` cannot be tested: {error}",
            remedy="set mae.largest_error to the largest error there can be, above ceiling and margin together",
        ) from error
    needed = _fewest(
        lambda cap: CeilingTest(mae.ceiling, mae.margin, plan.alpha, plan.beta, cap, 0.0, largest).decide(np.zeros(cap))
    )
    _require_as_many("mae", needed, len(reference), "samples")


def _needed(design_for_one: Callable[[], BernoulliTest]) -> int:
    """What a test says that it needs, offered a single sample."""
    try:
        design_for_one()
    except TooFewSamplesError as error:
        return error.needed
    return 1


def _require_as_many(check: CheckName, needed: int, has: int, what: str, remedy: str = _FIX) -> None:
    if has < needed:
        raise TinyopsError(
            f"acceptance plan: `{check}` at these error rates needs up to {needed:,} {what}; the acceptance set has "
            f"{has:,}, {needed - has:,} missing",
            remedy=remedy,
        )


def _as_good(samples: int) -> tuple[BoolArray, BoolArray]:
    """A candidate that is right wherever production is."""
    return np.ones(samples, np.bool_), np.ones(samples, np.bool_)


def _fewest(decide: Callable[[int], Standing]) -> int:
    """The fewest observations with which a faultless board is accepted; `_MOST` where it would be more."""
    outcome = decide(_MOST)
    return outcome.samples if outcome.decision is Decision.ACCEPT else _MOST
