"""What shows that a board is better than a constant answer, and that agreement with TFLM shows something at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.acceptance.check import Case, sequential_results
from edge_deployer.acceptance.checks.accuracy import Accuracy, AccuracyCheck, accuracy_test
from edge_deployer.acceptance.checks.auc import AucCheck
from edge_deployer.acceptance.constant_board import ConstantAnswer, caution, constant_answer_that_passes
from edge_deployer.acceptance.feasibility import require_feasible
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.errors import TinyopsError
from edge_deployer.report.words import in_words
from edge_deployer.task import Task
from edge_deployer.tensors import TensorSpec
from tests.edge_deployer.acceptance.evidence_factory import evidence, outputs_for, reference
from tests.edge_deployer.acceptance.statistics.yardsticks import characteristic

PLAN = AcceptancePlan()
LABELS_ALONE = reference(labelled=False)
SCORE = TensorSpec("int8", (1, 1), 0.1, 0)


def named(class_name: str | None) -> ConstantAnswer:
    return ConstantAnswer(class_name=class_name)


def told(known: Reference, plan: AcceptancePlan) -> str:
    found = caution(known, plan)
    assert found is not None
    return in_words(found)


def held(**changes: Any) -> Reference:
    return reference().model_copy(update=changes)


def scores(values: np.ndarray) -> Reference:
    """Of a model with one output that nobody labelled."""
    outputs = StoredArray.of(values.astype(np.int8).reshape(-1, 1))
    return LABELS_ALONE.model_copy(update={"output": SCORE, "outputs": outputs, "task": None})


@given(share=st.floats(0.02, 0.97), samples=st.integers(100, 1000))
def test_the_floor_stands_above_the_majority_as_far_as_the_samples_tell(share: float, samples: int) -> None:
    ones = max(1, round(share * samples))
    labels = tuple(range(10)) * (samples // 10) if ones < samples / 2 else (1,) * ones + (0,) * (samples - ones)
    known = reference(len(labels)).model_copy(update={"labels": labels})
    floor = AccuracyCheck().floor(PLAN, known)
    assert floor is not None
    majority = max(labels.count(label) for label in set(labels)) / len(labels)
    assert majority < floor.floor < 1
    assert floor.floor - floor.margin == pytest.approx(majority)


@pytest.mark.parametrize("classes", [2, 10, 200])
def test_a_board_as_good_as_the_majority_is_accepted_with_probability_beta_at_most(classes: int) -> None:
    known = reference(400).model_copy(update={"labels": tuple(range(classes)) * (400 // classes)})
    floor = AccuracyCheck().floor(PLAN, known)
    assert floor is not None
    test = accuracy_test(floor, 400, PLAN)
    assert characteristic(test, 1 - 1 / classes).accept <= PLAN.beta
    assert characteristic(test, 1 - floor.floor).reject <= PLAN.alpha


def test_what_a_plan_sets_goes_before_and_nothing_is_asked_where_it_says_so() -> None:
    floor = Accuracy(floor=0.9)
    assert AccuracyCheck().floor(AcceptancePlan(accuracy=floor), reference()) is floor
    assert AccuracyCheck().floor(AcceptancePlan(better_than_constant=False), reference()) is None
    assert AccuracyCheck().floor(PLAN, LABELS_ALONE) is None
    anomalies = held(task=Task(name="anomaly"), labels=(0, 1) * 200, output=SCORE)
    assert AccuracyCheck().floor(PLAN, anomalies) is None
    better = AucCheck().floor(PLAN, anomalies)
    assert better is not None
    assert better.floor - better.margin == pytest.approx(0.5)
    assert AucCheck().floor(PLAN, held(task=Task(name="binary"), labels=(0, 1) * 200, output=SCORE)) is None


def test_a_board_that_always_answers_the_commonest_class_is_refused_by_its_accuracy() -> None:
    known = reference(400)
    given_back = evidence(known, outputs_for(np.full(400, 3)))
    (accuracy,) = [check for check in sequential_results(Case(given_back, known, PLAN)) if check.name == "accuracy"]
    assert accuracy.status == "failed"
    assert "where a constant answer has 10.0\u202f%" in in_words(accuracy.finding)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((3,) * 400, "all 400 samples of the acceptance set have label 3"),
        ((0,) * 398 + (1,) * 2, "`accuracy`.*missing"),
    ],
)
def test_labels_that_cannot_show_it_are_refused_at_once(labels: tuple[int, ...], said: str) -> None:
    with pytest.raises(TinyopsError, match=said) as refused:
        require_feasible(PLAN, held(labels=labels), profiles=["m4"], boards=2)
    assert "better_than_constant" in refused.value.remedy
    off = AcceptancePlan(better_than_constant=False)
    require_feasible(off, held(labels=labels), profiles=["m4"], boards=2)


def test_agreement_shows_nothing_where_a_constant_board_would_pass() -> None:
    same = StoredArray.of(outputs_for(np.full(400, 7)))
    assert constant_answer_that_passes(LABELS_ALONE.model_copy(update={"outputs": same}), PLAN) == ConstantAnswer(
        class_name="7"
    )
    nearly = np.full(400, 7)
    nearly[::200] = 2
    outputs = StoredArray.of(outputs_for(nearly))
    known = LABELS_ALONE.model_copy(update={"outputs": outputs, "class_names": tuple("abcdefghij")})
    assert constant_answer_that_passes(known, PLAN) == named("h")
    assert constant_answer_that_passes(LABELS_ALONE, PLAN) is None
    assert constant_answer_that_passes(scores(np.full(400, 5)), PLAN) == named(None)
    assert constant_answer_that_passes(scores(np.arange(400) % 2), PLAN) == named(None), "within the tolerance"
    assert constant_answer_that_passes(scores(np.arange(400) % 100), PLAN) is None


def test_a_floor_shows_what_agreement_does_not() -> None:
    same = StoredArray.of(outputs_for(np.full(400, 7)))
    assert constant_answer_that_passes(held(outputs=same), PLAN) is None
    off = AcceptancePlan(better_than_constant=False)
    assert constant_answer_that_passes(held(outputs=same), off) == named("7")


def test_a_floor_that_a_constant_answer_passes_shows_no_more() -> None:
    rare = ((0,) * 49 + (1,)) * 8
    known = held(labels=rare, outputs=StoredArray.of(outputs_for(np.zeros(400, int))))
    assert constant_answer_that_passes(known, AcceptancePlan(accuracy=Accuracy(floor=0.9))) == ConstantAnswer(
        class_name="0"
    )
    assert constant_answer_that_passes(known, PLAN) is None


def test_what_was_not_shown_is_said() -> None:
    assert caution(reference(), PLAN) is None
    assert told(LABELS_ALONE, PLAN) == "parity only: nothing is known of its accuracy"
    off = AcceptancePlan(better_than_constant=False)
    assert told(reference(), off) == "parity only: no floor or ceiling judges its accuracy"
    random = scores(np.full(400, 5)).model_copy(update={"random": True})
    assert told(random, PLAN).endswith("; random inputs hardly move this model")
