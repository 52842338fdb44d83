"""Tests of the image code; a release carries them beside the code that they test. `render.py` draws the pictures."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from image import AUGMENTATIONS, build_model

CONFIG = {"input": "picture", "shape": [32, 32, 3], "classes": 4}


@pytest.mark.parametrize("shape", [[32, 32, 3], [40, 24, 1]], ids=["colour", "grey"])
def test_the_network_takes_a_picture_of_any_size_and_gives_a_probability_a_class(shape: list[int]) -> None:
    """`data.size` and `data.colour` say the shape."""
    probabilities = build_model({**CONFIG, "shape": shape})(np.zeros((2, *shape), np.float32)).numpy()
    assert probabilities.shape == (2, 4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_smaller_board_gets_a_smaller_network() -> None:
    """The board's profile stands in `custom_config`."""
    small = build_model({**CONFIG, "board": {"arena_bytes": 12288, "slot_bytes": 65536}})
    assert small.count_params() < build_model(CONFIG).count_params()


def test_augmentation_changes_pictures_and_keeps_their_shape() -> None:
    """Each of them; twice with one seed it is the same."""
    pictures = tf.constant(np.random.default_rng(0).uniform(-128, 127, (4, 32, 32, 3)), tf.float32)
    for augment in AUGMENTATIONS:
        changed = augment(pictures, tf.constant([1, 2]))
        assert changed.shape == pictures.shape
        assert not np.array_equal(changed, pictures)
        np.testing.assert_array_equal(changed, augment(pictures, tf.constant([1, 2])))
