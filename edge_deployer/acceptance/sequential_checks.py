"""Checks that take no more samples than they need: pure functions of the answers so far.

Each holds its own error rates, the plan's alpha and beta. Its decision is the first one in the order of the samples, so
that answers which came in after it change nothing. Bounds are from confidence sequences, which hold wherever a test
stopped; an estimate at the point where a sequential test stopped would be biased.
"""

from __future__ import annotations

import numpy as np

from edge_deployer.acceptance.agreement import BoolArray, far_off, other_label
from edge_deployer.acceptance.check_result import Bound, CheckResult, Status
from edge_deployer.acceptance.evidence import Answers, BoardEvidence
from edge_deployer.acceptance.floors import accuracy_floor, auc_floor
from edge_deployer.acceptance.plan import AcceptancePlan, CheckName, Disagreement, Floor
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.sequential_tests import (
    accuracy_test,
    auc_test,
    disagreement_test,
    mae_test,
    paired_test,
)
from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest
from edge_deployer.acceptance.statistics.bounded_mean import ranking_wins
from edge_deployer.acceptance.statistics.confidence_sequence import (
    mean_lower_bound,
    mean_upper_bound,
    share_lower_bound,
    share_upper_bound,
)
from edge_deployer.acceptance.statistics.decision import Decision, Standing
from edge_deployer.acceptance.statistics.fixed_size import fixed_size_test
from edge_deployer.quality import absolute_errors, anomaly_scores

_SHOWN = 16
_NO_REFERENCE = "the release has no reference of TFLM's"


def sequential_checks(evidence: BoardEvidence, reference: Reference, plan: AcceptancePlan) -> list[CheckResult]:
    """All of them on the answers of one board; an undecided one asks for more samples while there are any."""
    if evidence.answers is None:
        return []
    checks = [check(evidence.answers, reference, plan) for check in (_labels, _outputs, _accuracy, _auc, _mae)]
    checks.append(_against_production(evidence, reference, plan))
    return [check.model_copy(update={"only_warns": plan.only_warns(check.name)}) for check in checks if check]


def needs_more_samples(evidence: BoardEvidence, reference: Reference, plan: AcceptancePlan) -> bool:
    """Whether the next sample can change a check: none refuses yet, and one is open.

    All golden vectors are run in any case, as production is held to what staging answers. The comparison with
    production is over once production's answers are used up.
    """
    checks = sequential_checks(evidence, reference, plan)
    taken = _count(evidence.answers)
    if taken < plan.golden_vectors and not any(check.refuses for check in checks):
        return True
    compared = evidence.production is not None and taken < _count(evidence.production.answers)
    still_open = [check for check in checks if check.status == "undecided"]
    return not any(check.refuses for check in checks) and any(
        check.name != "against_production" or compared for check in still_open
    )


def _count(answers: Answers | None) -> int:
    return 0 if answers is None else len(answers.latencies_us)


def _labels(answers: Answers, reference: Reference, plan: AcceptancePlan) -> CheckResult:
    if reference.outputs is None:
        return CheckResult(name="labels", status="skipped", detail=_NO_REFERENCE)
    if not reference.names_classes:
        return CheckResult(name="labels", status="skipped", detail="the outputs are no classes")
    outputs = answers.outputs.load()
    wrong = other_label(outputs, reference, range(len(outputs)))
    return _disagreement("labels", wrong, plan.labels, reference, plan, "name another class than TFLM")


def _outputs(answers: Answers, reference: Reference, plan: AcceptancePlan) -> CheckResult:
    if reference.outputs is None:
        return CheckResult(name="outputs", status="skipped", detail=_NO_REFERENCE)
    outputs = answers.outputs.load()
    far = far_off(outputs, reference, range(len(outputs)), plan.outputs.tolerance)
    what = f"have outputs more than {plan.outputs.tolerance} steps off TFLM's"
    return _disagreement("outputs", far, plan.outputs, reference, plan, what)


def _disagreement(
    name: CheckName, failed: BoolArray, shares: Disagreement, reference: Reference, plan: AcceptancePlan, what: str
) -> CheckResult:
    test = disagreement_test(shares, len(reference), plan)
    outcome = test.decide_in_order(failed)
    taken = failed[: outcome.samples]
    failures = int(taken.sum())
    return CheckResult(
        name=name,
        status=_status(outcome),
        detail=f"{failures} of {len(taken)} samples {what}{_why_open(outcome, reference)}",
        measured=failures / len(taken),
        limit=shares.tolerated,
        bound=Bound(high=share_upper_bound(failures, len(taken), plan.confidence), confidence=plan.confidence),
        samples=outcome.samples,
        fixed_samples=_fixed_samples(test),
        differing=_first(taken),
    )


def _accuracy(answers: Answers, reference: Reference, plan: AcceptancePlan) -> CheckResult | None:
    if reference.metric != "accuracy":
        return None
    right, floor = reference.right_answers(answers.outputs.load()), accuracy_floor(plan, reference)
    if floor is None:
        figure = f"{int(right.sum())} of {len(right)} samples right; no floor is set"
        return CheckResult(name="accuracy", status="skipped", detail=figure, measured=float(right.mean()))
    test = accuracy_test(floor, len(reference), plan)
    outcome = test.decide_in_order(~right)
    taken = right[: outcome.samples]
    count = int(taken.sum())
    return CheckResult(
        name="accuracy",
        status=_status(outcome),
        detail=f"{count} of {len(taken)} samples right{_against_constant(floor, plan.accuracy)}"
        f"{_why_open(outcome, reference)}",
        measured=count / len(taken),
        limit=floor.floor,
        bound=Bound(low=share_lower_bound(count, len(taken), plan.confidence), confidence=plan.confidence),
        samples=outcome.samples,
        fixed_samples=_fixed_samples(test),
        differing=_first(~taken),
    )


def _auc(answers: Answers, reference: Reference, plan: AcceptancePlan) -> CheckResult | None:
    truth = reference.true_labels
    if truth is None or reference.task is None or "auc" not in reference.task.metrics:
        return None
    floor = auc_floor(plan, reference)
    outputs = answers.outputs.load()
    anomaly = truth[: len(outputs)] == 1
    targets = None if reference.targets is None else reference.targets.load()[: len(outputs)]
    scores = anomaly_scores(outputs, targets, reference.output)
    # A score that is not a number ranks its sample wrong, whichever it is.
    scores = np.where(np.isnan(scores), np.where(anomaly, -np.inf, np.inf), scores)
    wins = ranking_wins(anomaly, scores)
    if floor is None:
        measured = float(wins.mean()) if len(wins) else None
        figure = "no pair of a normal sample and an anomaly" if measured is None else f"AUC {measured:.3f}"
        detail = f"{figure} in {len(outputs)} samples; no floor is set"
        return CheckResult(name="auc", status="skipped", detail=detail, measured=measured)
    if not len(wins):
        return CheckResult(name="auc", status="undecided", detail="no pair of a normal sample and an anomaly yet")
    outcome = auc_test(floor, reference.pairs, plan).decide(wins)
    taken = wins[: outcome.samples]
    return CheckResult(
        name="auc",
        status=_status(outcome),
        detail=f"AUC {taken.mean():.3f} over {len(taken)} pairs{_against_constant(floor, plan.auc)}"
        f"{_why_open(outcome, reference)}",
        measured=float(taken.mean()),
        limit=floor.floor,
        bound=Bound(low=mean_lower_bound(taken, 0.0, 1.0, plan.confidence), confidence=plan.confidence),
        samples=_samples_with_pairs(anomaly, len(taken)),
    )


def _mae(answers: Answers, reference: Reference, plan: AcceptancePlan) -> CheckResult | None:
    if reference.metric != "mae" or reference.targets is None:
        return None
    outputs = answers.outputs.load()
    errors = absolute_errors(outputs, reference.targets.load()[: len(outputs)], reference.output)
    if plan.mae is None:
        figure = f"mean absolute error {errors.mean():.4g}; no ceiling is set"
        return CheckResult(name="mae", status="skipped", detail=figure, measured=float(errors.mean()))
    test = mae_test(plan.mae, reference, plan)
    beyond = np.flatnonzero(~(errors <= test.high))
    if len(beyond):
        return CheckResult(
            name="mae",
            status="failed",
            detail=f"sample {beyond[0]} is off by {errors[beyond[0]]:.4g}, more than the largest error there can be, "
            f"{test.high:.4g}",
            limit=plan.mae.ceiling,
            differing=tuple(beyond[:_SHOWN].tolist()),
        )
    outcome = test.decide(errors)
    taken = errors[: outcome.samples]
    return CheckResult(
        name="mae",
        status=_status(outcome),
        detail=f"mean absolute error {taken.mean():.4g} over {len(taken)} samples{_why_open(outcome, reference)}",
        measured=float(taken.mean()),
        limit=plan.mae.ceiling,
        bound=Bound(high=mean_upper_bound(taken, 0.0, test.high, plan.confidence), confidence=plan.confidence),
        samples=outcome.samples,
        differing=tuple(np.argsort(-taken, kind="stable")[:_SHOWN].tolist()),
    )


def _against_production(evidence: BoardEvidence, reference: Reference, plan: AcceptancePlan) -> CheckResult | None:
    """McNemar's discordant pairs, sequentially: production and candidate answer the same samples on the same board."""
    production = evidence.production
    if plan.against_production is None or production is None or evidence.answers is None:
        return None
    if production.answers is None or reference.metric != "accuracy":
        reason = production.reason or "the acceptance set has no labels that are classes"
        return CheckResult(name="against_production", status="skipped", detail=reason)
    ours, theirs = evidence.answers.outputs.load(), production.answers.outputs.load()
    both = min(len(ours), len(theirs))
    candidate, earlier = reference.right_answers(ours[:both]), reference.right_answers(theirs[:both], production.output)
    outcome = paired_test(plan.against_production, len(reference), plan).decide(candidate, earlier)
    candidate, earlier = candidate[: outcome.samples], earlier[: outcome.samples]
    losses = earlier.astype(np.float64) - candidate
    lost, won = int((losses > 0).sum()), int((losses < 0).sum())
    return CheckResult(
        name="against_production",
        status=_status(outcome),
        detail=f"of {len(losses)} samples production alone has {lost} right, the release alone {won}; "
        f"a loss of {plan.against_production.margin:.1%} is too much"
        f"{_why_open(outcome, reference)}",
        measured=float(losses.mean()),
        limit=0.0,
        bound=Bound(high=mean_upper_bound(losses, -1.0, 1.0, plan.confidence), confidence=plan.confidence),
        samples=outcome.samples,
        differing=_first(losses > 0),
    )


_STATUS: dict[Decision | None, Status] = {
    Decision.ACCEPT: "passed",
    Decision.REJECT: "failed",
    Decision.UNDECIDED: "undecided",
    None: "undecided",
}


def _status(outcome: Standing) -> Status:
    return _STATUS[outcome.decision]


def _against_constant(floor: Floor, written: Floor | None) -> str:
    """What a floor rests on that no plan has set."""
    return "" if written is not None else f", where a constant answer has {floor.floor - floor.margin:.4g}"


def _why_open(outcome: Standing, reference: Reference) -> str:
    if outcome.decision is Decision.UNDECIDED:
        return f"; not enough to decide, and the acceptance set has no more than {len(reference)}"
    return "; not decided when the examination ended" if outcome.decision is None else ""


def _first(failed: BoolArray) -> tuple[int, ...]:
    return tuple(np.flatnonzero(failed)[:_SHOWN].tolist())


def _fixed_samples(test: BernoulliTest) -> int:
    return fixed_size_test(test.tolerated, test.bad, test.alpha, test.beta)[0]


def _samples_with_pairs(anomaly: BoolArray, pairs: int) -> int:
    """Samples after which so many pairs of an anomaly and a normal sample were there."""
    return int(max(np.flatnonzero(anomaly)[pairs - 1], np.flatnonzero(~anomaly)[pairs - 1])) + 1
