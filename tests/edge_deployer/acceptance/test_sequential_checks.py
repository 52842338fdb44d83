"""Checks that stop by themselves: what they decide, after how many samples, and what they say of the true figure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_deployer.acceptance.check import Case, CheckResult, needs_more_samples, sequential_results
from edge_deployer.acceptance.checks.accuracy import Accuracy
from edge_deployer.acceptance.checks.against_production import AgainstProduction
from edge_deployer.acceptance.checks.auc import Auc
from edge_deployer.acceptance.checks.mae import Mae
from edge_deployer.acceptance.checks.outputs import Outputs
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.report.words import in_words
from edge_deployer.task import Task
from edge_deployer.tensors import Array, TensorSpec, quantize
from tests.edge_deployer.acceptance.evidence_factory import SUBJECT, board_outputs, evidence, reference, verdict_on, why

HELD = reference()
PLAN = AcceptancePlan()


def check(name: str, given: BoardEvidence, held: Reference = HELD, plan: AcceptancePlan = PLAN) -> CheckResult:
    return next(check for check in sequential_results(Case(given, held, plan)) if check.name == name)


def test_a_board_without_a_difference_is_accepted_with_the_fewest_samples() -> None:
    labels = check("labels", evidence(HELD))
    assert (labels.status, labels.samples, labels.fixed_samples) == ("passed", 72, 181)
    assert labels.bound is not None
    assert labels.bound.high is not None
    assert 0.04 < labels.bound.high < 0.07


def test_answers_after_the_decision_change_nothing() -> None:
    for other in ([], range(72, 400), [5], [3, 9, 11, 20, 21]):
        whole = check("labels", evidence(HELD, board_outputs(HELD, other=list(other))))
        cut = board_outputs(HELD, other=list(other))[: whole.samples]
        assert check("labels", evidence(HELD, cut)) == whole


@pytest.mark.parametrize("every", [4, 10])
def test_a_board_that_differs_too_often_is_refused_early(every: int) -> None:
    labels = check("labels", evidence(HELD, board_outputs(HELD, other=range(every - 1, 400, every))))
    assert labels.status == "failed"
    assert labels.samples is not None
    assert labels.samples < 100
    assert labels.differing[:2] == (every - 1, 2 * every - 1)


def test_outputs_that_name_the_same_class_may_still_be_too_far_off() -> None:
    board = board_outputs(HELD, off=range(1, 400, 5), steps=3)
    assert check("labels", evidence(HELD, board)).status == "passed"
    outputs = check("outputs", evidence(HELD, board))
    assert outputs.status == "failed"
    assert in_words(outputs.finding).startswith(
        "labels agree, outputs are off by up to 3 steps (20.0\u202f% of samples by more"
    )
    assert check("outputs", evidence(HELD, board_outputs(HELD, off=range(400), steps=2))).status == "passed"


def test_a_borderline_board_at_the_end_of_the_samples_is_no_verdict() -> None:
    held = reference(200)
    board = board_outputs(held, other=range(20, 200, 40))
    verdict = verdict_on(evidence(held, board), SUBJECT, held, PLAN, pool="staging")
    assert verdict.decision == "undecided"
    assert "no more than 200" in why(verdict)


def test_an_examination_that_ended_early_is_never_an_acceptance() -> None:
    verdict = verdict_on(evidence(HELD, board_outputs(HELD)[:71]), SUBJECT, HELD, PLAN, pool="staging")
    assert verdict.decision == "undecided"
    assert "not decided when the examination ended" in why(verdict)


def test_the_accuracy_on_the_device_is_bounded_by_tflms_and_the_disagreement() -> None:
    held = reference(400, wrong=range(0, 400, 20))
    verdict = verdict_on(evidence(held), SUBJECT, held, PLAN, pool="staging")
    bound = verdict.device_accuracy
    assert bound is not None
    assert bound.low == pytest.approx(0.95 - bound.disagreement)
    assert (bound.confidence, bound.host_samples) == (0.95, 400)


@pytest.mark.parametrize(("right_of_20", "status"), [(20, "passed"), (19, "passed"), (14, "failed")])
def test_accuracy_is_tested_where_the_plan_has_a_floor(right_of_20: int, status: str) -> None:
    plan = AcceptancePlan(accuracy=Accuracy(floor=0.9, margin=0.1))
    held = reference(400)
    wrong = [sample for sample in range(400) if sample % 20 >= right_of_20]
    accuracy = check("accuracy", evidence(held, board_outputs(held, other=wrong)), held, plan)
    assert accuracy.status == status
    assert accuracy.bound is not None
    assert accuracy.bound.low is not None
    assert accuracy.measured is not None
    assert accuracy.bound.low < accuracy.measured


def test_without_a_reference_accuracy_alone_decides() -> None:
    held = reference(400).model_copy(update={"outputs": None, "host_figure": None})
    plan = AcceptancePlan(accuracy=Accuracy(floor=0.9, margin=0.1), against_production=None)
    good = verdict_on(evidence(held, board_outputs(HELD)), SUBJECT, held, plan, pool="staging")
    assert good.accepted
    assert {check.name for check in good.checks if check.status == "skipped"} == {"labels", "outputs", "latency"}
    wrong = board_outputs(HELD, other=range(0, 400, 3))
    assert verdict_on(evidence(held, wrong), SUBJECT, held, plan, pool="staging").decision == "refused"


def test_the_candidate_is_paired_with_production_on_the_same_samples() -> None:
    production = board_outputs(HELD)
    same = check("against_production", evidence(HELD, board_outputs(HELD), production=production))
    assert same.status == "passed"
    worse = check(
        "against_production", evidence(HELD, board_outputs(HELD, other=range(0, 400, 7)), production=production)
    )
    assert worse.status == "failed"
    assert worse.differing[:2] == (0, 7)
    better = check(
        "against_production",
        evidence(HELD, board_outputs(HELD), production=board_outputs(HELD, other=range(0, 400, 7))),
    )
    assert better.status == "passed"
    assert better.samples is not None
    assert same.samples is not None
    assert better.samples <= same.samples


def test_samples_are_run_until_every_check_has_decided() -> None:
    plan = AcceptancePlan(against_production=AgainstProduction(margin=0.03))
    production = board_outputs(HELD)
    decided = max(
        check.samples or 0 for check in sequential_results(Case(evidence(HELD, production=production), HELD, plan))
    )
    assert decided > 72
    for taken, more in ((decided - 1, True), (decided, False)):
        given = evidence(HELD, board_outputs(HELD)[:taken], production=production)
        assert needs_more_samples(Case(given, HELD, plan)) == more


def test_a_refusal_ends_the_examination_but_a_warning_does_not() -> None:
    bad = board_outputs(HELD, other=range(5, 60))[:60]
    plan = AcceptancePlan(outputs=Outputs(tolerance=255))
    assert not needs_more_samples(Case(evidence(HELD, bad), HELD, plan))
    lenient = plan.model_copy(update={"on_failure": {"labels": "warn"}})
    assert needs_more_samples(Case(evidence(HELD, bad), HELD, lenient))


def test_production_that_answered_too_few_samples_does_not_keep_the_examination_going() -> None:
    short = evidence(HELD, board_outputs(HELD)[:72], production=board_outputs(HELD)[:50])
    assert check("against_production", short).status == "undecided"
    assert not needs_more_samples(Case(short, HELD, PLAN))


SCORE = TensorSpec("int8", (1, 1), scale=0.01, zero_point=0)


def anomaly_reference(samples: int = 400) -> Reference:
    labels = np.arange(samples) % 2
    outputs = (labels * 60 - 30).astype(np.int8).reshape(-1, 1)
    return HELD.model_copy(
        update={
            "output": SCORE,
            "outputs": StoredArray.of(outputs),
            "labels": tuple(labels.tolist()),
            "task": Task(name="anomaly"),
            "input_sha256": HELD.input_sha256[:samples],
        }
    )


def test_auc_is_tested_by_disjoint_pairs() -> None:
    held = anomaly_reference()
    plan = AcceptancePlan(auc=Auc(floor=0.9, margin=0.15))
    assert held.outputs is not None
    good = held.outputs.load()
    passed = check("auc", evidence(held, good), held, plan)
    assert (passed.status, passed.measured) == ("passed", 1.0)
    assert passed.samples is not None
    assert passed.samples % 2 == 0, "whole pairs"
    assert check("auc", evidence(held, np.zeros_like(good)), held, plan).status == "failed"
    assert check("labels", evidence(held, good), held, plan).status == "skipped"


def regression_reference(samples: int = 400) -> tuple[Reference, Array]:
    targets = np.linspace(-1, 1, samples).reshape(-1, 1)
    spec = TensorSpec("int8", (1, 1), scale=0.01, zero_point=0)
    outputs = quantize(targets, spec)
    held = HELD.model_copy(
        update={
            "output": spec,
            "outputs": StoredArray.of(outputs),
            "labels": None,
            "targets": StoredArray.of(targets),
            "task": Task(name="regression"),
        }
    )
    return held, outputs


def test_without_a_floor_the_auc_is_only_told() -> None:
    held = anomaly_reference().model_copy(update={"labels": (0,) * 400})
    assert held.outputs is not None
    told = check("auc", evidence(held, held.outputs.load()), held)
    assert (told.status, told.measured) == ("skipped", None)


def test_scores_that_are_no_numbers_rank_their_samples_wrong() -> None:
    held = anomaly_reference()
    assert held.outputs is not None
    real = TensorSpec("float32", (1, 1))
    scores = held.outputs.load().astype(np.float32)
    scores[:] = np.nan
    held = held.model_copy(update={"output": real, "outputs": StoredArray.of(scores)})
    auc = check("auc", evidence(held, scores), held, AcceptancePlan(auc=Auc(floor=0.5, margin=0.3)))
    assert (auc.status, auc.measured) == ("failed", 0.0)


@pytest.mark.parametrize("error", [1e6, np.nan, np.inf])
def test_one_error_beyond_the_largest_there_can_be_refuses(error: float) -> None:
    held, _ = regression_reference()
    assert held.targets is not None
    outputs = held.targets.load().astype(np.float32)
    outputs[7] += error
    held = held.model_copy(update={"output": TensorSpec("float32", (1, 1)), "outputs": StoredArray.of(outputs)})
    plan = AcceptancePlan(mae=Mae(ceiling=0.2, margin=0.1, largest_error=1.0))
    mae = check("mae", evidence(held, outputs), held, plan)
    assert (mae.status, mae.differing) == ("failed", (7,))


def test_outputs_that_give_back_the_input_are_no_classes() -> None:
    held = reference(labelled=False).model_copy(update={"task": None})
    assert check("labels", evidence(held), held).status == "skipped"


def test_a_mean_absolute_error_is_held_to_its_ceiling() -> None:
    held, outputs = regression_reference()
    plan = AcceptancePlan(mae=Mae(ceiling=0.1, margin=0.1))
    good = check("mae", evidence(held, outputs), held, plan)
    assert good.status == "passed"
    assert good.measured is not None
    assert good.measured < 0.01
    shifted = np.clip(outputs.astype(np.int16) + 40, -128, 127).astype(np.int8)
    bad = check("mae", evidence(held, shifted), held, plan)
    assert bad.status == "failed"
    assert bad.measured == pytest.approx(0.4, abs=0.12)


@settings(max_examples=20)
@given(share=st.sampled_from([0.0, 0.005, 0.01, 0.05, 0.1, 0.3]), seed=st.integers(0, 2**32 - 1))
def test_the_check_agrees_with_asking_after_every_batch(share: float, seed: int) -> None:
    """Batches lead to the same decision as all answers at once."""
    other = np.flatnonzero(np.random.RandomState(seed).random_sample(400) < share)
    board = board_outputs(HELD, other=other.tolist())
    whole = check("labels", evidence(HELD, board))
    for taken in range(1, 401, 3):
        so_far = check("labels", evidence(HELD, board[:taken]))
        if so_far.status != "undecided":
            assert so_far == whole
            return
    assert whole.status == "undecided"


def test_both_error_rates_hold_over_many_boards() -> None:
    """Simulated boards through the whole check: alpha and beta are kept, to within three standard errors."""
    rng = np.random.RandomState(7)
    runs = 200

    def share_of(status: str, differing: float) -> float:
        found = [
            check("labels", evidence(HELD, board_outputs(HELD, other=np.flatnonzero(draw < differing).tolist())))
            for draw in rng.random_sample((runs, 400))
        ]
        return sum(result.status == status for result in found) / runs

    assert share_of("failed", PLAN.labels.tolerated) <= PLAN.alpha + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert share_of("passed", PLAN.labels.bad) <= PLAN.beta + 3 * (0.05 * 0.95 / runs) ** 0.5
