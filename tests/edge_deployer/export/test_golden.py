"""Which sample firmware is held against."""

from __future__ import annotations

import numpy as np
import pytest

from edge_deployer.export.golden import Way, golden_sample
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.front_end import GoldenVectors
from edge_deployer.task import Task
from edge_deployer.tensors import Array, TensorSpec, quantize

CLASSES = Task(name="classification")
OUTPUT = TensorSpec("int8", (1, 2), 1 / 256, -128)
FEATURES = np.array([[1, 2], [3, 4], [5, 6]], np.int8)


def acceptance(inputs: Array, spec: TensorSpec, *, answers: list[int], labels: list[int] | None) -> AcceptanceSet:
    outputs = np.where(np.eye(2)[answers] > 0, 127, -128).astype(np.int8)
    stored = None if labels is None else np.array(labels)
    return AcceptanceSet(spec, OUTPUT, inputs, outputs, stored, task=CLASSES)


def vectors(features: Array) -> GoldenVectors:
    return GoldenVectors(np.arange(len(features) * 7, dtype=np.int16).reshape(len(features), 7), features)


INT8 = TensorSpec("int8", (1, 2), 0.5, 3)


@pytest.mark.parametrize(
    ("spec", "way"),
    [
        (INT8, "stored"),
        (INT8, "quantised"),
        (TensorSpec("uint8", (1, 2), 0.1, 128), "quantised"),
        (TensorSpec("float32", (1, 2)), "quantised"),
    ],
)
def test_a_sample_that_is_known_from_the_sensor_on_is_preferred(spec: TensorSpec, way: Way) -> None:
    features = FEATURES if way == "stored" else quantize(FEATURES, spec)
    inputs = np.concatenate([features[:1] + features[-1:], features[1:]])
    found = golden_sample(acceptance(inputs, spec, answers=[0, 1, 0], labels=[0, 1, 1]), vectors(FEATURES))
    # The first row is of no vector, and the last one the model names wrong.
    assert found.way == way
    assert found.raw is not None
    assert found.raw.tolist() == list(range(7, 14))
    assert found.features is not None
    assert found.features.tolist() == [3, 4]
    np.testing.assert_array_equal(found.input, inputs[1])
    assert (found.label, found.answer) == (1, 1)


def test_where_there_is_none_it_is_said_that_they_are_others() -> None:
    inputs = np.array([[9, 9], [8, 8]], np.int8)
    found = golden_sample(acceptance(inputs, INT8, answers=[0, 1], labels=[1, 1]), vectors(FEATURES))
    assert found.way is None
    assert found.features is not None
    assert found.features.tolist() == FEATURES[0].tolist()
    # The first that the model names right.
    assert found.input.tolist() == [8, 8]


def test_without_labels_the_first_is_taken() -> None:
    inputs = np.array([[9, 9], [8, 8]], np.int8)
    found = golden_sample(acceptance(inputs, INT8, answers=[1, 0], labels=None), None)
    assert (found.label, found.answer, found.raw, found.features) == (None, 1, None, None)
    assert found.input.tolist() == [9, 9]


def test_a_model_that_is_always_wrong_has_a_sample_all_the_same() -> None:
    inputs = np.array([[9, 9], [8, 8]], np.int8)
    found = golden_sample(acceptance(inputs, INT8, answers=[1, 0], labels=[0, 1]), None)
    assert (found.label, found.answer) == (0, 1)


def test_a_release_that_was_built_without_tflm_has_no_answer() -> None:
    given = AcceptanceSet(INT8, OUTPUT, np.array([[9, 9]], np.int8), None, np.array([1]), task=CLASSES)
    found = golden_sample(given, None)
    assert (found.output, found.answer, found.label) == (None, None, 1)


def test_answers_that_are_no_classes_name_none() -> None:
    task = Task(name="regression")
    given = AcceptanceSet(
        INT8, OUTPUT, np.zeros((1, 2), np.int8), np.zeros((1, 2), np.int8), None, np.zeros((1, 2)), task
    )
    assert golden_sample(given, None).answer is None
