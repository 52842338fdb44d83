"""Tests of the speech code; a release carries them beside the code that they test."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from speech import AUGMENTATIONS, SILENCE, build_model

CONFIG = {"input": "sound", "shape": [49, 32], "classes": 10}


def test_the_network_takes_a_second_of_sound_and_gives_a_probability_a_word() -> None:
    """In one pass for all samples."""
    probabilities = build_model(CONFIG)(np.zeros((2, 49, 32), np.float32)).numpy()
    assert probabilities.shape == (2, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_smaller_board_gets_a_smaller_network() -> None:
    """The board's profile stands in `custom_config`."""
    small = build_model({**CONFIG, "board": {"arena_bytes": 12288, "slot_bytes": 65536}})
    assert small.count_params() < build_model(CONFIG).count_params()


def test_augmentation_changes_sound_and_keeps_its_shape() -> None:
    """Each of them; twice with one seed it is the same."""
    sound = tf.constant(np.random.default_rng(0).uniform(SILENCE, 127, (4, 49, 32)), tf.float32)
    for augment in AUGMENTATIONS:
        changed = augment(sound, tf.constant([1, 2]))
        assert changed.shape == sound.shape
        assert not np.array_equal(changed, sound)
        np.testing.assert_array_equal(changed, augment(sound, tf.constant([1, 2])))
