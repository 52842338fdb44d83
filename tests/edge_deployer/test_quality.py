"""The figures a model is judged by, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.quality import (
    Metric,
    absolute_errors,
    anomaly_scores,
    auc,
    choose_metric,
    figure,
    named_classes,
    right_answers,
)
from edge_deployer.tensors import TensorSpec

VECTOR = TensorSpec("int8", (1, 4), 0.5, 3)
SCORE = TensorSpec("int8", (1, 1), 0.5, 3)
PAIR = TensorSpec("int8", (1, 2), 0.5, 3)
FLOATS = TensorSpec("float32", (1, 1))
SCORED = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 1.0, 2.0, 3.5, np.inf, np.nan])), max_size=30)


@pytest.mark.parametrize(
    ("given_spec", "answered", "labels", "targets", "class_names", "metric"),
    [
        (VECTOR, VECTOR, None, None, (), None),
        (VECTOR, SCORE, None, np.zeros((2, 1)), (), "mae"),
        (VECTOR, SCORE, np.array([0, 1]), None, (), "auc"),
        (SCORE, SCORE, np.array([0, 1]), None, (), "auc"),
        (VECTOR, VECTOR, np.array([0, 1]), None, (), "auc"),
        (VECTOR, VECTOR, np.array([0, 1]), None, ("normal", "anomaly"), "auc"),
        (VECTOR, VECTOR, np.array([0, 1]), None, ("a", "b", "c", "d"), "accuracy"),
        (VECTOR, VECTOR, np.array([0, 3]), None, (), "accuracy"),
        (PAIR, PAIR, np.array([0, 1]), None, (), "accuracy"),
        (VECTOR, PAIR, np.array([0, 1]), None, (), "accuracy"),
    ],
)
def test_data_and_tensors_say_what_is_measured(
    given_spec: TensorSpec,
    answered: TensorSpec,
    labels: np.ndarray | None,
    targets: np.ndarray | None,
    class_names: tuple[str, ...],
    metric: Metric | None,
) -> None:
    found = choose_metric(given_spec, answered, labels=labels, targets=targets, class_names=class_names)
    assert found == metric


def test_an_answer_is_right_where_the_greatest_value_stands_at_the_label() -> None:
    outputs = np.array([[[1, 5]], [[7, 7]], [[-3, -9]]], np.int8)
    assert named_classes(outputs).tolist() == [1, 0, 0]
    assert right_answers(outputs, np.array([1, 1, 0])).tolist() == [True, False, True]


@given(SCORED)
def test_auc_is_the_share_of_pairs_in_order(scored: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in scored] + [0, 1])
    scores = np.array([score for _, score in scored] + [1.0, 1.0])
    pairs = [
        float(anomaly > normal) + float(anomaly == normal) / 2
        for anomaly in scores[labels == 1]
        for normal in scores[labels == 0]
    ]
    assert auc(labels, scores) == pytest.approx(np.mean(pairs))


def test_scores_that_are_no_numbers_never_help() -> None:
    labels = np.array([0, 0, 1, 1])
    assert auc(labels, np.array([0.0, 1.0, 2.0, 3.0])) == 1.0
    assert auc(labels, np.array([0.0, np.nan, 2.0, 3.0])) == 0.5
    assert auc(labels, np.array([0.0, 1.0, 2.0, np.nan])) == 0.5


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_kind_alone_does_not_exist(label: int) -> None:
    with pytest.raises(ValueError, match="normal sample and an anomaly"):
        auc(np.full(3, label), np.arange(3.0))


def test_the_score_of_an_autoencoder_is_the_mean_squared_error_in_real_units() -> None:
    outputs = np.array([[3, 5, 3, 3], [3, 3, 3, 3]], np.int8)
    targets = np.array([[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]], np.float32)
    scores = anomaly_scores(outputs, targets, VECTOR)
    assert scores.dtype == np.float64
    assert scores.tolist() == [(1.0 + 4.0) / 4, 0.0]


def test_the_score_of_a_scoring_model_is_its_output_in_real_units() -> None:
    assert anomaly_scores(np.array([[5], [-1]], np.int8), None, SCORE).tolist() == [1.0, -2.0]


def test_absolute_errors_are_in_the_targets_unit() -> None:
    outputs = np.array([[5, 1], [3, 3]], np.int8)
    assert absolute_errors(outputs, np.array([[0.0, -2.0], [0.5, 0.0]]), PAIR).tolist() == [1.0, 0.25]


def test_a_model_that_answers_nan_has_no_error_to_state() -> None:
    outputs = np.array([[np.nan], [1.0]], np.float32)
    assert np.isnan(absolute_errors(outputs, np.zeros((2, 1)), FLOATS)).tolist() == [True, False]


def test_a_figure_is_the_mean_or_the_area_of_what_its_samples_have() -> None:
    outputs, labels = np.array([[5], [3], [7]], np.int8), np.array([0, 0, 1])
    targets = np.array([[1.0], [2.0], [2.5]])
    assert figure("mae", outputs, SCORE, labels=None, targets=targets) == pytest.approx(2.5 / 3)
    assert figure("auc", outputs, SCORE, labels=labels, targets=None) == 1.0
    classes = np.array([[5, 1], [3, 9], [7, 2]], np.int8)
    assert figure("accuracy", classes, PAIR, labels=labels, targets=None) == pytest.approx(1 / 3)
    reconstructed = figure("auc", classes, PAIR, labels=labels, targets=np.zeros((3, 2)))
    assert reconstructed == auc(labels, anomaly_scores(classes, np.zeros((3, 2)), PAIR))


@pytest.mark.parametrize("metric", ["mae", "auc", "accuracy"])
def test_a_figure_without_its_labels_or_targets_is_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match=f"{metric} needs"):
        figure(metric, np.zeros((2, 1), np.int8), SCORE, labels=None, targets=None)
