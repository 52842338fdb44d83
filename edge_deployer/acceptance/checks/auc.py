"""Does the board rank anomalies above normal samples?"""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray
from edge_deployer.acceptance.check import Case, CheckResult
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import NO_FLOOR, Floor, FloorCheck, fewest, require_as_many
from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest, ranking_wins
from edge_deployer.acceptance.statistics.confidence_sequence import mean_lower_bound
from edge_deployer.finding import kind
from edge_deployer.quality import NO_SKILL_AUC, anomaly_scores


class Auc(Floor):
    """The least area under the ROC curve."""


NoPair = kind("auc.no_pair", "no pair of a normal sample and an anomaly yet")

AucWithoutFloor = kind(
    "auc.no_floor",
    "{% if auc is none %}no pair of a normal sample and an anomaly{% else %}AUC {{ auc | score }}{% endif %} "
    "in {{ samples }} samples; no floor is set",
    {"auc": float | None, "samples": int},
)

AucOfPairs = kind(
    "auc.pairs",
    "AUC {{ auc | score }} over {{ pairs }} pairs"
    "{% if constant is not none %}, where a constant answer has {{ constant | score }}{% endif %}",
    {"auc": float, "pairs": int, "constant": float | None},
)


@registered
class AucCheck(FloorCheck):
    """The area under the ROC curve over disjoint pairs of an anomaly and a normal sample, tested by betting."""

    name = "auc"
    place = 50
    about = "the share of pairs in which the anomaly has the higher score"
    section = Auc
    section_about = "for labels 0 and 1 of a model that scores; null asks what `better_than_constant` says"
    heading = "AUC"
    unit = "score"
    metric = "auc"
    needs = "labels 0 and 1 of a model that scores"

    @override
    def of_constant(self, reference: Reference) -> tuple[float, int] | None:
        return (NO_SKILL_AUC, reference.pairs) if reference.pairs else None

    @override
    def judge(self, case: Case) -> CheckResult | None:
        truth, task = case.reference.true_labels, case.reference.task
        if truth is None or task is None or "auc" not in task.metrics:
            return None
        outputs = case.outputs
        anomaly = truth[: len(outputs)] == 1
        targets = None if case.reference.targets is None else case.reference.targets.load()[: len(outputs)]
        scores = anomaly_scores(outputs, targets, case.reference.output)
        # A score that is not a number ranks its sample wrong, whichever it is.
        scores = np.where(np.isnan(scores), np.where(anomaly, -np.inf, np.inf), scores)
        wins = ranking_wins(anomaly, scores)
        floor = self.floor(case.plan, case.reference)
        if floor is None:
            measured = float(wins.mean()) if len(wins) else None
            return self.result(case, "skipped", AucWithoutFloor(auc=measured, samples=len(outputs)), measured=measured)
        if not len(wins):
            return self.result(case, "undecided", NoPair())
        outcome = _test(floor, case.reference.pairs, case.plan).decide(1 - wins)
        taken = wins[: outcome.samples]
        auc = float(taken.mean())
        return self.decided(
            case,
            outcome,
            AucOfPairs(auc=auc, pairs=len(taken), constant=self.constant(floor, case.plan)),
            measured=auc,
            limit=floor.floor,
            low=mean_lower_bound(taken, 0.0, 1.0, case.plan.confidence),
            samples=_samples_with_pairs(anomaly, len(taken)),
        )

    @override
    def require(self, plan: AcceptancePlan, reference: Reference) -> None:
        floor = self.floor(plan, reference)
        if floor is not None:
            needed = fewest(lambda cap: _test(floor, cap, plan).decide(np.zeros(cap)))
            require_as_many("auc", needed, reference.pairs, "pairs of an anomaly and a normal sample", NO_FLOOR)


def _test(floor: Floor, pairs: int, plan: AcceptancePlan) -> CeilingTest:
    """The test of the share of pairs that are lost: a floor of what is won is a ceiling of that."""
    return CeilingTest(1 - floor.floor, floor.margin, plan.alpha, plan.beta, max(1, pairs))


def _samples_with_pairs(anomaly: BoolArray, pairs: int) -> int:
    """Samples after which so many pairs of an anomaly and a normal sample were there."""
    return int(max(np.flatnonzero(anomaly)[pairs - 1], np.flatnonzero(~anomaly)[pairs - 1])) + 1
