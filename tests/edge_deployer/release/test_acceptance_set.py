"""Acceptance sets: what is written is what is read, and what is not a set is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.task import Task
from edge_deployer.tensors import TensorSpec

PICTURE = TensorSpec("int8", (1, 2, 3), 0.1 + 0.2, -7)
CLASSES = TensorSpec("uint8", (1, 4), 1 / 3, 5)
SCORE = TensorSpec("float32", (1, 1))


def classification(samples: int = 5, *, reference: bool = True) -> AcceptanceSet:
    random = np.random.default_rng(samples)
    return AcceptanceSet(
        PICTURE,
        CLASSES,
        random.integers(-128, 127, (samples, 2, 3), np.int8),
        random.integers(0, 255, (samples, 4), np.uint8) if reference else None,
        labels=np.arange(samples) % 4,
        task=Task(name="classification"),
        class_names=("ä", "b", "", "d"),
    )


def regression(samples: int = 5) -> AcceptanceSet:
    values = np.linspace(0, 1, samples)[:, None]
    inputs = np.zeros((samples, 2, 3), np.int8)
    return AcceptanceSet(
        PICTURE, SCORE, inputs, values.astype(np.float32), targets=values / 3, task=Task(name="regression")
    )


def autoencoder(samples: int = 5) -> AcceptanceSet:
    stored = np.zeros((samples, 2, 3), np.int8)
    real = np.zeros((samples, 2, 3), np.float32)
    labels = np.arange(samples) % 2
    return AcceptanceSet(PICTURE, PICTURE, stored, stored, labels=labels, targets=real, task=Task(name="anomaly"))


def unlabelled(samples: int = 5) -> AcceptanceSet:
    return dataclasses.replace(classification(samples), labels=None, class_names=())


def assert_same(found: AcceptanceSet, expected: AcceptanceSet) -> None:
    for field in dataclasses.fields(AcceptanceSet):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == theirs


@pytest.mark.parametrize(
    "acceptance",
    [classification(), classification(reference=False), regression(), autoencoder(), unlabelled()],
    ids=["classification", "no reference", "regression", "autoencoder", "unlabelled"],
)
def test_a_set_reads_back_whole(acceptance: AcceptanceSet) -> None:
    assert_same(AcceptanceSet.from_bytes(acceptance.to_bytes()), acceptance)


def test_the_same_set_gives_the_same_bytes_however_its_arrays_lie_in_memory() -> None:
    acceptance = classification()
    other = dataclasses.replace(acceptance, inputs=np.asfortranarray(acceptance.inputs))
    assert other.to_bytes() == acceptance.to_bytes()
    assert other.sha256 != classification(6).sha256


def test_samples_taken_keep_what_belongs_to_them() -> None:
    whole = classification(8)
    part = whole.take(np.array([6, 1]))
    assert len(part) == 2
    assert (part.task, part.class_names) == (whole.task, whole.class_names)
    assert whole.outputs is not None
    np.testing.assert_array_equal(part.inputs, whole.inputs[[6, 1]])
    np.testing.assert_array_equal(part.outputs, whole.outputs[[6, 1]])
    assert part.labels is not None
    assert part.labels.tolist() == [2, 1]
    targets = regression(8).take(np.array([7])).targets
    assert targets is not None
    assert targets.tolist() == [[1 / 3]]


@pytest.mark.parametrize(
    ("acceptance", "change", "said"),
    [
        (
            classification(),
            {"inputs": np.zeros((5, 3, 2), np.int8)},
            r"are int8\[5, 3, 2\], not int8\[5, 2, 3\]",
        ),
        (classification(), {"inputs": np.zeros((5, 2, 3), np.uint8)}, r"inputs are uint8\[5, 2, 3\], not int8"),
        (classification(), {"inputs": np.array(3, np.int8)}, r"inputs are int8\[1\], not int8\[1, 2, 3\]"),
        (classification(), {"outputs": np.zeros((4, 4), np.uint8)}, r"outputs are uint8\[4, 4\], not uint8\[5, 4\]"),
        (classification(), {"labels": np.zeros(5, np.int32)}, r"labels are int32\[5\], not int64\[5\]"),
        (classification(), {"labels": np.array([0, 1, 2, 3, 4])}, r"labels 0 to 4, outside 0 \.\. 3"),
        (classification(), {"labels": np.array([0, 1, 2, 3, -1])}, r"labels -1 to 3, outside 0 \.\. 3"),
        (classification(), {"task": None}, "has labels or targets, and no task"),
        (autoencoder(), {"labels": np.array([0, 1, 2, 0, 1])}, r"outside 0 \.\. 1"),
        (autoencoder(), {"targets": None}, "no targets, which its task anomaly needs"),
        (regression(), {"targets": np.zeros((5, 2))}, r"targets are float64\[5, 2\], not float32 or float64\[5, 1\]"),
        (regression(), {"targets": np.zeros((5, 1), np.int8)}, r"targets are int8"),
        (regression(), {"targets": None}, "no targets, which its task regression needs"),
        (classification(0), {}, "no samples"),
    ],
)
def test_an_array_that_is_not_what_the_tensors_ask_for_is_named(
    acceptance: AcceptanceSet, change: dict[str, Any], said: str
) -> None:
    data = dataclasses.replace(acceptance, **change).to_bytes()
    with pytest.raises(TinyopsError, match=said):
        AcceptanceSet.from_bytes(data)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=8), st.integers(0, 3000))
def test_damage_is_refused_or_leaves_a_set(damage: list[tuple[int, int]], end: int) -> None:
    data = bytearray(classification().to_bytes())
    for position, value in damage:
        data[position % len(data)] = value
    torn = data[: max(end, 1) if end < len(data) else len(data)]
    for bytes_ in (data, torn):
        try:
            found = AcceptanceSet.from_bytes(bytes(bytes_))
        except TinyopsError:
            continue
        assert len(found) == len(found.inputs)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"noise" * 20])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(TinyopsError, match="acceptance set cannot be read"):
        AcceptanceSet.from_bytes(data)
