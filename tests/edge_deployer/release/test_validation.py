"""Host-side validation: what is refused, what is measured, and how the acceptance set is drawn."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.quality import figures
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.samples import LabelledSamples
from edge_deployer.release.validation import Terms, draw, validate_model
from edge_deployer.task import Task
from edge_deployer.task_name import TaskName
from edge_deployer.tensors import TensorSpec, dequantize
from tests.edge_deployer.conftest import one_hot_samples
from tests.edge_deployer.release.reasons import why
from tests.edge_deployer.tiny_models import (
    identity_classifier,
    rotating_classifier,
    square_root,
    two_inputs,
    with_unknown_op,
)

M4 = load_profile("cortex-m4")


def test_a_model_that_fits_is_blessed_and_measured() -> None:
    found = validate_model(identity_classifier(4), M4, one_hot_samples(4, 40), acceptance_samples=20, seed=0)
    assert found.report.blessed
    assert found.report.figures == {"accuracy": 1.0}
    assert found.report.confusion == (10 * np.eye(4, dtype=int)).tolist()
    assert found.acceptance is not None
    assert len(found.acceptance) == found.report.acceptance_samples == 20


@pytest.mark.parametrize(
    ("model", "reason"),
    [(with_unknown_op(), "operator"), (two_inputs(), "input"), (b"not a model at all", "model")],
)
def test_a_model_that_tflm_does_not_run_is_refused_with_the_reason(model: bytes, reason: str) -> None:
    found = validate_model(model, M4, None, acceptance_samples=4, seed=0)
    assert not found.report.blessed
    assert reason in why(found.report)
    assert found.acceptance is None


def test_an_arena_over_the_profile_is_refused() -> None:
    small = M4.model_copy(update={"arena_bytes": 600})
    found = validate_model(identity_classifier(4), small, None, acceptance_samples=4, seed=0)
    assert not found.report.blessed
    assert "600" in why(found.report)
    assert "arena" in why(found.report)


def test_a_model_larger_than_the_slot_is_refused_without_running_it() -> None:
    small = M4.model_copy(update={"slot_bytes": 4200})
    found = validate_model(identity_classifier(4), small, None, acceptance_samples=4, seed=0)
    assert "slot" in why(found.report)
    assert found.report.arena_bytes is None


def test_data_of_the_wrong_size_names_both_shapes() -> None:
    data = LabelledSamples(np.zeros((3, 5), np.float32), None)
    with pytest.raises(TinyopsError, match=r"shape \[5\].*\[1, 4\]"):
        validate_model(identity_classifier(4), M4, data, acceptance_samples=4, seed=0)


def test_a_label_that_is_no_output_is_refused() -> None:
    data = LabelledSamples(np.zeros((3, 4), np.int8), np.array([0, 1, 4]))
    with pytest.raises(TinyopsError, match="5 classes; the model has 4 outputs"):
        validate_model(identity_classifier(4), M4, data, acceptance_samples=4, seed=0)


def test_a_classification_has_accuracy_and_confusion() -> None:
    data = one_hot_samples(4, 40)
    assert data.labels is not None
    wrong = replace(data, labels=np.where(np.arange(40) < 4, 0, data.labels))
    report = validate_model(identity_classifier(4), M4, wrong, acceptance_samples=20, seed=0).report
    assert (report.metric, report.eval_samples, report.reference) == ("accuracy", 40, True)
    assert report.figures == {"accuracy": 37 / 40}
    assert report.majority == 13 / 40
    assert report.confusion == [[10, 1, 1, 1], [0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]]


def test_an_autoencoder_is_judged_by_its_area_under_the_curve() -> None:
    # It answers with each sample turned by one place: what is constant comes back whole, and is normal here.
    constant = np.repeat(np.array([[-50], [0], [30], [70]], np.int8), 4, axis=1)
    uneven = np.array([[10, 20, 10, 20], [-9, 9, 9, 9], [0, 0, 0, 1], [5, 5, 5, 5]], np.int8)
    data = LabelledSamples(np.concatenate([constant, uneven]), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
    found = validate_model(rotating_classifier(4), M4, data, acceptance_samples=8, seed=0)
    report, acceptance = found.report, found.acceptance
    assert (report.metric, report.majority, report.confusion) == ("auc", None, None)
    assert report.quality == pytest.approx((3 * 4 + 2) / 16)
    assert acceptance is not None
    assert acceptance.outputs is not None
    assert acceptance.targets is not None
    np.testing.assert_array_equal(acceptance.targets, dequantize(acceptance.inputs, acceptance.input))
    assert acceptance.task is not None
    again = figures(
        acceptance.task,
        acceptance.outputs,
        acceptance.output,
        labels=acceptance.labels,
        targets=acceptance.targets,
    )
    assert again == report.figures


def test_a_regression_is_judged_by_its_error() -> None:
    stored = np.array([[10], [20], [-30]], np.int8)
    data = LabelledSamples(stored, None, targets=np.array([1.5, 2.0, -2.0]))
    found = validate_model(identity_classifier(1), M4, data, acceptance_samples=3, seed=0)
    report, acceptance = found.report, found.acceptance
    assert (report.metric, report.eval_samples, report.majority, report.confusion) == ("mae", 3, None, None)
    assert report.quality == pytest.approx((0.5 + 0.0 + 1.0) / 3)
    assert acceptance is not None
    assert acceptance.targets is not None
    assert dict(zip(acceptance.inputs[:, 0].tolist(), acceptance.targets[:, 0].tolist(), strict=True)) == {
        10: 1.5,
        20: 2.0,
        -30: -2.0,
    }


@pytest.mark.parametrize(("targets", "blessed"), [([0.0, 2.0, 4.0], True), ([1.2, 2.0, 2.2], False)])
def test_a_regression_must_be_better_than_the_median(targets: list[float], blessed: bool) -> None:
    stored = np.array([[0], [20], [30]], np.int8)
    data = LabelledSamples(stored, None, targets=np.array(targets))
    report = validate_model(identity_classifier(1), M4, data, acceptance_samples=3, seed=0).report
    assert report.constant_error == pytest.approx(4 / 3 if blessed else 1 / 3)
    assert report.blessed == blessed
    assert blessed or why(report) == (
        "mean absolute error 0.666667 is not less than 0.333333, what always answering the median would reach"
    )
    loose = Terms(better_than_constant=False)
    assert validate_model(identity_classifier(1), M4, data, acceptance_samples=3, seed=0, terms=loose).report.blessed


def test_data_without_labels_measures_parity_alone() -> None:
    data = LabelledSamples(np.zeros((3, 4), np.int8), None)
    found = validate_model(identity_classifier(4), M4, data, acceptance_samples=2, seed=0)
    assert (found.report.metric, found.report.quality, found.report.eval_samples) == (None, None, 0)
    assert found.acceptance is not None
    assert (found.acceptance.metric, len(found.acceptance)) == (None, 2)


def test_a_figure_that_is_no_number_is_refused() -> None:
    data = LabelledSamples(np.array([[-1.0], [1.0]], np.float32), None, targets=np.zeros(2))
    found = validate_model(square_root(), M4, data, acceptance_samples=2, seed=0)
    assert not found.report.blessed
    assert found.acceptance is None
    assert why(found.report) == "the model's mae over the held-out samples is nan in TFLM"


@given(
    cells=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), min_size=1, max_size=60),
    share=st.floats(0.05, 1.0),
    seed=st.integers(0, 999) | st.just(2**32),
)
def test_every_prefix_of_the_draw_holds_each_class_and_slice_in_proportion(
    cells: list[tuple[int, str]], share: float, seed: int
) -> None:
    labels, slices = np.array([label for label, _ in cells]), [part for _, part in cells]
    size = max(1, int(share * len(cells)))
    drawn = draw(numbered(labels, "classification"), size, seed=seed, slices=slices)
    assert drawn.outputs is not None
    assert drawn.labels is not None
    chosen = drawn.outputs[:, 0].tolist()
    assert len(set(chosen)) == len(drawn) == size
    np.testing.assert_array_equal(drawn.inputs[:, 0], chosen)
    np.testing.assert_array_equal(drawn.labels, labels[chosen])
    for cell, count in Counter(cells).items():
        for end in range(1, size + 1):
            seen = sum(cells[index] == cell for index in chosen[:end])
            assert abs(seen - count * end / len(cells)) <= 1
    again = draw(numbered(labels, "classification"), size, seed=seed, slices=slices)
    np.testing.assert_array_equal(again.inputs, drawn.inputs)


def test_anomalies_arrive_in_proportion_whatever_their_slices() -> None:
    labels = np.array([0, 0, 0, 1] * 25)
    slices = [index % 7 for index in range(100)]
    drawn = draw(numbered(labels, "anomaly"), 100, seed=0, slices=slices)
    assert drawn.labels is not None
    for end in range(4, 101, 4):
        assert drawn.labels[:end].sum() == end // 4


def test_samples_without_labels_are_shuffled() -> None:
    first, second = (draw(numbered(np.zeros(50, int), None), 20, seed=seed).inputs[:, 0].tolist() for seed in (1, 2))
    assert len(set(first)) == 20
    assert first != second
    assert first != sorted(first)


def numbered(labels: np.ndarray, task: TaskName | None) -> AcceptanceSet:
    """A set whose inputs and outputs are the samples' numbers."""
    spec = TensorSpec("int64", (1, 1))
    numbers = np.arange(len(labels))[:, None]
    return AcceptanceSet(
        spec, spec, numbers, numbers, labels if task else None, None, Task(name=task) if task else None
    )
