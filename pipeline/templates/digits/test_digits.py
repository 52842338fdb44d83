"""Tests of the digits' code; a release carries them beside the code that they test."""

from __future__ import annotations

import numpy as np
from digits import SIDE, build_model, with_shifts


def test_shifts_move_a_picture_by_one_pixel_and_lose_nothing_else() -> None:
    """The middle copy is the picture itself."""
    picture = np.arange(SIDE * SIDE, dtype=np.float32).reshape(1, SIDE, SIDE, 1)
    shifted, labels = with_shifts(picture, np.array([7]))
    assert shifted.shape == (3, SIDE, SIDE, 1)
    assert labels.tolist() == [7, 7, 7]
    np.testing.assert_array_equal(shifted[1], picture[0])
    np.testing.assert_array_equal(shifted[0][:, 1:], picture[0][:, :-1])
    np.testing.assert_array_equal(shifted[2][:, :-1], picture[0][:, 1:])


def test_the_network_takes_a_picture_and_gives_a_probability_a_class() -> None:
    """Shapes, and the size that the README promises."""
    model = build_model({"input": "image", "classes": 10})
    probabilities = model(np.zeros((2, SIDE, SIDE, 1), np.float32)).numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert model.count_params() == 2350
