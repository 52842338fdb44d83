"""Are the board's answers right?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.check import Case, CheckResult
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import NO_FLOOR, Floor, FloorCheck, above_constant, require_as_many
from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest, design_test, smallest_cap
from edge_deployer.acceptance.statistics.confidence_sequence import share_lower_bound
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import kind
from edge_deployer.quality import majority_share


class Accuracy(Floor):
    """The least share of samples that must be named right."""


Right = kind(
    "accuracy.right",
    "{{ right }} of {{ samples }} samples right"
    "{% if constant is not none %}, where a constant answer has {{ constant | percent }}{% endif %}",
    {"right": int, "samples": int, "constant": float | None},
)

RightWithoutFloor = kind(
    "accuracy.no_floor", "{{ right }} of {{ samples }} samples right; no floor is set", {"right": int, "samples": int}
)


@registered
class AccuracyCheck(FloorCheck):
    """The share of labelled samples that the board names right, tested sequentially against a floor."""

    name = "accuracy"
    place = 40
    about = "the share of labelled samples that the board names right"
    section = Accuracy
    section_about = "for labels that are classes; null asks what `better_than_constant` says"
    heading = "Accuracy"
    unit = "share"
    metric = "accuracy"
    needs = "labels that are classes"

    @override
    def of_constant(self, reference: Reference) -> tuple[float, int] | None:
        share = 1.0 if reference.true_labels is None else majority_share(reference.true_labels)
        return None if share == 1 else (share, len(reference))

    @override
    def judge(self, case: Case) -> CheckResult | None:
        if case.reference.metric != "accuracy":
            return None
        right = case.reference.right_answers(case.outputs)
        floor = self.floor(case.plan, case.reference)
        if floor is None:
            told = RightWithoutFloor(right=int(right.sum()), samples=len(right))
            return self.result(case, "skipped", told, measured=float(right.mean()))
        test = accuracy_test(floor, len(case.reference), case.plan)
        outcome = test.decide_in_order(~right)
        taken = right[: outcome.samples]
        count = int(taken.sum())
        return self.decided(
            case,
            outcome,
            Right(right=count, samples=len(taken), constant=self.constant(floor, case.plan)),
            measured=count / len(taken),
            limit=floor.floor,
            low=share_lower_bound(count, len(taken), case.plan.confidence),
            fixed_samples=test.fixed_samples,
            differing=np.flatnonzero(~taken),
        )

    @override
    def samples_needed(self, plan: AcceptancePlan, *, labelled: bool, computed: bool) -> int | None:
        floor = plan.section(Accuracy)
        return smallest_cap(*floor.missed, plan.alpha, plan.beta) if floor is not None and labelled else None

    @override
    def require(self, plan: AcceptancePlan, reference: Reference) -> None:
        if reference.metric == "accuracy" and reference.true_labels is not None:
            require_better_than_constant(plan, np.bincount(reference.true_labels).tolist())


def accuracy_test(floor: Floor, samples: int, plan: AcceptancePlan) -> BernoulliTest:
    """The test of an accuracy, as a share of wrong answers.

    Raises:
        TooFewSamplesError: so many samples are too few for it.
    """
    return design_test(*floor.missed, plan.alpha, plan.beta, samples)


def require_better_than_constant(plan: AcceptancePlan, counts: Sequence[int]) -> None:
    """See that labelled samples can show a model to be better than always naming their commonest class.

    Args:
        plan: the plan; nothing is asked where it sets a floor of accuracy, or says so.
        counts: samples of each class; more than the plan allows count by their shares.

    Raises:
        TinyopsError: they are of one class, or too few; the message has the number that is missing.
    """
    if plan.section(Accuracy) is not None or not plan.better_than_constant:
        return
    samples, majority = min(sum(counts), plan.samples), max(counts) / sum(counts)
    if majority == 1:
        raise TinyopsError(
            f"all {samples} samples of the acceptance set have label {list(counts).index(max(counts))}: nothing tells "
            "the model from one that always answers it",
            remedy="add samples of the other classes, or set `better_than_constant: false` in the acceptance plan",
        )
    needed = smallest_cap(*above_constant(majority, samples, plan).missed, plan.alpha, plan.beta)
    require_as_many("accuracy", needed, samples, remedy=NO_FLOOR)
