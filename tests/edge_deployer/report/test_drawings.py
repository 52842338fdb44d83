"""Samples as pictures and as curves."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from edge_deployer.report.drawings import draw, kind_of


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((28, 28), "picture"),
        ((96, 96, 1), "picture"),
        ((32, 32, 3), "picture"),
        ((49, 10, 1), "picture"),
        ((490,), "waveform"),
        ((1, 16_000), "waveform"),
        ((128, 3), "waveform"),
        ((128, 3, 1), "waveform"),
        ((2, 2), None),
        ((8, 8, 4), None),
        ((1,), None),
    ],
)
def test_the_shape_says_what_a_sample_is_drawn_as(shape: tuple[int, ...], kind: str | None) -> None:
    assert kind_of(shape) == kind


def test_a_picture_keeps_its_pixels_and_its_brightness_among_the_others() -> None:
    inputs = np.zeros((2, 4, 5, 1), np.int8)
    inputs[0], inputs[1, 0, 0] = -128, 127
    dark, bright = (_picture(draw(inputs, index).png) for index in (0, 1))
    assert dark.shape == (4, 5)
    assert (dark == 0).all()
    assert (bright[0, 0], bright[1, 1]) == (255, 128)


def test_a_large_picture_is_made_small() -> None:
    assert _picture(draw(np.zeros((1, 300, 200, 3), np.uint8), 0).png).shape == (128, 85, 3)


def test_a_waveform_has_a_curve_for_each_channel() -> None:
    inputs = np.stack([np.linspace(-1, 1, 50), np.linspace(1, -1, 50)], axis=1)[None]
    curves = draw(inputs, 0).curves
    assert curves is not None
    assert [(curve[0], curve[-1], len(curve)) for curve in curves] == [(0.0, 1.0, 50), (1.0, 0.0, 50)]


@given(arrays.arrays(np.float32, st.integers(2, 2_000), elements=st.floats(-1e6, 1e6, width=32)))
def test_a_curve_keeps_the_peaks_of_a_signal_of_any_length(signal: np.ndarray) -> None:
    (curve,) = draw(signal[None], 0).curves or []
    assert len(curve) <= 192
    assert (min(curve), max(curve)) == ((0.0, 1.0) if signal.min() < signal.max() else (0.5, 0.5))


def _picture(png: str | None) -> np.ndarray:
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))))
