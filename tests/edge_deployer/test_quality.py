"""The figures a model is judged by, against their definitions."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.quality import (
    absolute_errors,
    anomaly_scores,
    auc,
    constant_error,
    error_figure,
    figures,
    majority_share,
    right_answers,
)
from edge_deployer.task import ERRORS, Task
from edge_deployer.task_name import TaskName
from edge_deployer.tensors import TensorSpec

VECTOR = TensorSpec("int8", (1, 4), 0.5, 3)
SCORE = TensorSpec("int8", (1, 1), 0.5, 3)
PAIR = TensorSpec("int8", (1, 2), 0.5, 3)
FLOATS = TensorSpec("float32", (1, 1))
SCORED = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 1.0, 2.0, 3.5, np.inf, np.nan])), max_size=30)


def test_an_answer_is_right_where_it_names_the_label() -> None:
    outputs = np.array([[[1, 5]], [[7, 7]], [[-3, -9]]], np.int8)
    right = right_answers(outputs, np.array([1, 1, 0]), PAIR, Task(name="classification"))
    assert right.tolist() == [True, False, True]


def test_the_figures_of_a_binary_task_are_of_its_threshold() -> None:
    # Real values are -1.5, 0, 1, 2.
    outputs, labels = np.array([[0], [3], [5], [7]], np.int8), np.array([0, 1, 0, 1])
    found = figures(Task(name="binary", threshold=0.5), outputs, SCORE, labels=labels, targets=None)
    assert found == {"accuracy": 0.5, "auc": 0.75, "recall": 0.5, "precision": 0.5}
    strict = figures(Task(name="binary", threshold=9), outputs, SCORE, labels=labels, targets=None)
    assert strict == {"accuracy": 0.5, "auc": 0.75, "recall": 0.0}


def test_the_majority_is_the_share_of_the_commonest_class() -> None:
    assert majority_share(np.array([2, 0, 2, 1])) == 0.5


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
    assert figures(Task(name="regression"), outputs, SCORE, labels=None, targets=targets) == {
        "mae": pytest.approx(2.5 / 3),
        "rmse": pytest.approx(((4.0 + 0.25) / 3) ** 0.5),
    }
    assert figures(Task(name="anomaly"), outputs, SCORE, labels=labels, targets=None) == {"auc": 1.0}
    classes = np.array([[5, 1], [3, 9], [7, 2]], np.int8)
    found = figures(Task(name="classification"), classes, PAIR, labels=labels, targets=None)
    assert found == {"accuracy": pytest.approx(1 / 3)}
    reconstructed = figures(Task(name="anomaly"), classes, PAIR, labels=labels, targets=np.zeros((3, 2)))
    assert reconstructed == {"auc": auc(labels, anomaly_scores(classes, np.zeros((3, 2)), PAIR))}


REAL = st.floats(-1e3, 1e3, width=32)


@given(st.lists(st.tuples(REAL, REAL), min_size=1, max_size=30))
def test_the_errors_of_a_regression_are_those_of_their_definitions(pairs: list[tuple[float, float]]) -> None:
    answers, targets = np.array(pairs, np.float32)[:, :1], np.array(pairs)[:, 1:]
    off = [float(answer) - target for (answer,), (target,) in zip(answers, targets, strict=True)]
    mae, rmse = (error_figure(metric, answers, targets, FLOATS) for metric in ERRORS)
    assert mae == pytest.approx(sum(map(abs, off)) / len(off))
    assert rmse == pytest.approx((sum(error * error for error in off) / len(off)) ** 0.5)
    assert rmse >= mae * (1 - 1e-9)


@given(st.lists(st.tuples(REAL, REAL), min_size=1, max_size=30), st.tuples(REAL, REAL))
def test_no_constant_answer_has_less_than_the_constant_error(
    rows: list[tuple[float, float]], constant: tuple[float, float]
) -> None:
    targets = np.array(rows)
    always = np.tile(np.array(constant, np.float32), (len(rows), 1))
    median = np.tile(np.median(targets, axis=0), (len(rows), 1))
    least = constant_error(targets)
    assert error_figure("mae", always, targets, FLOATS) >= least * (1 - 1e-6) - 1e-9
    assert error_figure("mae", median, targets, FLOATS) == pytest.approx(least, rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("task", get_args(TaskName))
def test_there_is_no_figure_without_its_labels_or_targets(task: TaskName) -> None:
    assert figures(Task(name=task), np.zeros((2, 1), np.int8), SCORE, labels=None, targets=None) == {}
