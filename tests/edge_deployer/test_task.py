"""What a model is found to be for, and how its answers are read."""

from __future__ import annotations

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.task import NO_CLASS, UNASKED, Answers, AskedTask, Task, find_task
from edge_deployer.task_name import TaskName
from edge_deployer.tensors import TensorSpec

VECTOR = TensorSpec("int8", (1, 4), 0.5, 3)
SCORE = TensorSpec("int8", (1, 1), 0.5, 3)
PAIR = TensorSpec("int8", (1, 2), 0.5, 3)
PROBABILITY = TensorSpec("int8", (1, 1), 1 / 256, -128)
PROBABILITIES = TensorSpec("int8", (1, 4), 1 / 256, -128)
FLOAT = TensorSpec("float32", (1, 1))
BOTH = (0, 1)


@pytest.mark.parametrize(
    ("given", "answered", "last", "labels", "classes", "task"),
    [
        (VECTOR, VECTOR, None, None, None, None),
        (VECTOR, SCORE, None, None, None, None),
        (VECTOR, PROBABILITY, "LOGISTIC", None, None, "binary"),
        (VECTOR, PAIR, None, None, None, "classification"),
        (VECTOR, SCORE, None, BOTH, None, "anomaly"),
        (SCORE, SCORE, None, BOTH, None, "anomaly"),
        (VECTOR, SCORE, "FULLY_CONNECTED", BOTH, 2, "binary"),
        (VECTOR, SCORE, "FULLY_CONNECTED", BOTH, 3, "classification"),
        (VECTOR, VECTOR, None, BOTH, 3, "classification"),
        (VECTOR, FLOAT, "LOGISTIC", BOTH, None, "binary"),
        (VECTOR, PROBABILITY, None, BOTH, None, "binary"),
        (VECTOR, VECTOR, None, BOTH, None, "anomaly"),
        (VECTOR, VECTOR, None, BOTH, 2, "anomaly"),
        (VECTOR, VECTOR, "FULLY_CONNECTED", BOTH, 2, "anomaly"),
        (VECTOR, PROBABILITIES, "LOGISTIC", BOTH, None, "anomaly"),
        (VECTOR, PROBABILITIES, "SOFTMAX", BOTH, None, "classification"),
        (VECTOR, VECTOR, "SOFTMAX", BOTH, None, "classification"),
        (VECTOR, PROBABILITIES, None, BOTH, None, "classification"),
        (VECTOR, VECTOR, None, BOTH, 4, "classification"),
        (VECTOR, VECTOR, None, (0, 3), None, "classification"),
        (PAIR, PAIR, None, BOTH, None, "classification"),
        (VECTOR, PAIR, None, BOTH, None, "classification"),
    ],
)
def test_data_and_model_show_the_task(
    given: TensorSpec,
    answered: TensorSpec,
    last: str | None,
    labels: tuple[int, ...] | None,
    classes: int | None,
    task: TaskName | None,
) -> None:
    found = find_task(Answers(given, answered, last), UNASKED, classes=classes, labels=labels)
    assert (found.name if found else None) == task
    assert found is None or found.why


def test_targets_make_a_regression_and_what_is_asked_for_goes_before_all() -> None:
    answers = Answers(VECTOR, PROBABILITY, "LOGISTIC")
    regression = find_task(answers, UNASKED, has_targets=True)
    assert regression is not None
    assert regression.name == "regression"
    asked = find_task(answers, AskedTask(name="anomaly", threshold=0.25), labels=BOTH)
    assert asked == Task(name="anomaly", threshold=0.25, why="as asked for")
    assert find_task(answers, asked, labels=BOTH) is asked


def test_the_greatest_output_is_the_class_and_of_equal_ones_the_first() -> None:
    outputs = np.array([[[1, 5]], [[7, 7]], [[-3, -9]]], np.int8)
    assert Task(name="classification").named_classes(outputs, PAIR).tolist() == [1, 0, 0]


def test_one_output_is_class_1_over_the_threshold_in_real_units() -> None:
    stored = np.array([[-128], [-1], [0], [1], [127]], np.int8)
    assert Task(name="binary").named_classes(stored, PROBABILITY).tolist() == [0, 0, 0, 1, 1]
    assert Task(name="binary", threshold=0.25).named_classes(stored, PROBABILITY).tolist() == [0, 1, 1, 1, 1]
    assert Task(name="binary").named_classes(np.array([[np.nan], [0.6]], np.float32), FLOAT).tolist() == [NO_CLASS, 1]


@pytest.mark.parametrize(
    ("task", "outputs", "classes", "said"),
    [
        ("classification", 3, 10, "10 classes; the model has 3 outputs"),
        ("classification", 1, 2, "2 classes; the model has 1 outputs"),
        ("binary", 2, 2, "binary, and the model has 2 outputs"),
        ("anomaly", 3, 2, "neither one score nor its 4 inputs"),
    ],
)
def test_outputs_that_do_not_fit_the_task_are_refused(task: TaskName, outputs: int, classes: int, said: str) -> None:
    with pytest.raises(TinyopsError, match=said):
        Task(name=task).require_outputs(outputs, 4, classes, "the project")


@pytest.mark.parametrize(
    ("task", "outputs", "classes"),
    [("classification", 10, 10), ("classification", 3, None), ("binary", 1, 2), ("anomaly", 1, 2), ("anomaly", 4, 2)],
)
def test_outputs_that_fit_the_task_pass(task: TaskName, outputs: int, classes: int | None) -> None:
    Task(name=task).require_outputs(outputs, 4, classes, "the project")
