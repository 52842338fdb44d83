"""Examples as TensorFlow itself would write them."""

from __future__ import annotations

import numpy as np
import pytest

from components.sensor_example_gen.reading import Featured
from components.sensor_example_gen.sources.listing import Listing
from edge_deployer.tensors import Array

RANDOM = np.random.default_rng(3)


def decoded(samples: list[Featured], listing: Listing, **names: str) -> list[dict[str, list[object]]]:
    import tensorflow as tf

    from components.sensor_example_gen.encoding import ExampleEncoder

    encoder = ExampleEncoder("x", names.get("label"), names.get("target"), names.get("group"))
    found = []
    for encoded in encoder.encode(samples, listing):
        features = tf.train.Example.FromString(encoded).features.feature
        found.append({name: list(getattr(one, one.WhichOneof("kind")).value) for name, one in features.items()})
    return found


def records(count: int, **columns: Array) -> Listing:
    return Listing(np.arange(count), **{"labels": None, **columns})


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int64", "float32", "bool"])
@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 3, 1)])
def test_a_sample_of_any_kind_is_a_flat_list_of_floats(dtype: str, shape: tuple[int, ...]) -> None:
    values = (RANDOM.normal(0, 50, (7, *shape)) % 128).astype(dtype)
    samples = [Featured(value, index) for index, value in enumerate(values)]
    assert decoded(samples, records(7)) == [{"x": value.ravel().astype(np.float32).tolist()} for value in values]


def test_each_sample_has_what_its_record_has() -> None:
    listing = records(3, labels=np.array([2, 0, 1]), groups=np.array(["Ada", "Ünal", "李"]))
    samples = [Featured(np.full(2, number, np.int8), index) for number, index in enumerate([2, 0, 0, 1])]
    assert decoded(samples, listing, label="word", group="speaker") == [
        {"x": [0, 0], "word": [1], "speaker": ["李".encode()]},
        {"x": [1, 1], "word": [2], "speaker": [b"Ada"]},
        {"x": [2, 2], "word": [2], "speaker": [b"Ada"]},
        {"x": [3, 3], "word": [0], "speaker": ["Ünal".encode()]},
    ]


@pytest.mark.parametrize("targets", [[0.5, -1.25], [[0.5, 1.0, 2.0], [-1.25, 0.0, 4.0]]])
def test_targets_keep_their_values_and_groups_may_be_numbers(targets: list[object]) -> None:
    listing = records(2, targets=np.array(targets), groups=np.array([7, 8]))
    samples = [Featured(np.zeros(1, np.float32), index) for index in (1, 0)]
    found = decoded(samples, listing, target="celsius", group="device")
    assert [one["celsius"] for one in found] == [np.ravel(targets[index]).tolist() for index in (1, 0)]
    assert [one["device"] for one in found] == [[8], [7]]


def test_what_the_project_does_not_name_is_left_out() -> None:
    listing = records(1, labels=np.array([1]), targets=np.array([1.0]), groups=np.array(["a"]))
    assert decoded([Featured(np.ones(1, np.float32), 0)], listing) == [{"x": [1.0]}]
