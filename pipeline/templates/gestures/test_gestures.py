"""Tests of the gestures' code; a release carries them beside the code that they test."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from gestures import AUGMENTATIONS, build_model

CONFIG = {"input": "stroke", "shape": [24, 24, 1], "classes": 10}
GROUND = -128.0


def test_the_network_takes_a_picture_and_gives_a_probability_a_digit() -> None:
    """Whether or not anything is drawn."""
    probabilities = build_model(CONFIG)(np.full((2, 24, 24, 1), GROUND, np.float32)).numpy()
    assert probabilities.shape == (2, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_the_network_is_small() -> None:
    """Weights are a byte each, of the 24 kB of flash that the model may have."""
    assert build_model(CONFIG).count_params() < 16000


def test_augmentation_leaves_a_stroke_in_the_picture() -> None:
    """A bar in the middle is turned and moved, and still there; twice with one seed it is the same."""
    strokes = np.full((8, 24, 24, 1), GROUND, np.float32)
    strokes[:, 4:20, 11:13] = 127
    for augment in AUGMENTATIONS:
        changed = augment(tf.constant(strokes), tf.constant([1, 2])).numpy()
        assert changed.shape == strokes.shape
        assert (changed != strokes).any(axis=(1, 2, 3)).all()
        drawn, before = (changed - GROUND).sum(axis=(1, 2, 3)), (strokes - GROUND).sum(axis=(1, 2, 3))
        np.testing.assert_allclose(drawn, before, rtol=0.75)
        np.testing.assert_array_equal(changed, augment(tf.constant(strokes), tf.constant([1, 2])))
