"""An acceptance sample as something to look at: a picture, or the curves of a signal."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from edge_deployer.tensors import Array

_LARGEST_SIDE = 128
_MOST_POINTS = 192
_MOST_CHANNELS = 9
_LONGER_THAN_WIDE = 8
"""A signal has so many times more steps than channels; a spectrogram, whose columns are bands, has fewer."""


@dataclass(frozen=True)
class Drawing:
    """One sample, drawn."""

    kind: Literal["picture", "waveform"]  # What it is drawn as.
    png: str | None = None  # Base64 of a PNG; None for a waveform.
    curves: list[list[float]] | None = None  # Of each channel, from 0 to 1; None for a picture.


def kind_of(sample_shape: tuple[int, ...]) -> Literal["picture", "waveform"] | None:
    """What samples of this shape are drawn as; dimensions of 1 do not count.

    A picture is ``(h, w)``, a spectrogram too, or ``(h, w, 3)``. A waveform is ``(n,)``, or ``(n, channels)`` with many
    more steps than channels. None: neither.
    """
    shape = tuple(side for side in sample_shape if side > 1)
    if len(shape) == 1:
        return "waveform"
    if len(shape) == 2 and shape[1] <= _MOST_CHANNELS and shape[0] >= _LONGER_THAN_WIDE * shape[1]:
        return "waveform"
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 3):
        return "picture" if min(shape[:2]) >= 4 else None
    return None


def draw(inputs: Array, index: int) -> Drawing:
    """Draw one of the samples.

    Args:
        inputs: all of them, shape ``(n, ...)`` of a kind that `kind_of` knows; pictures share one scale of brightness.
        index: which.
    """
    shape = tuple(side for side in inputs.shape[1:] if side > 1)
    sample = inputs[index].reshape(shape).astype(np.float64)
    if kind_of(inputs.shape[1:]) == "picture":
        return Drawing("picture", png=_png(_scaled(sample, float(inputs.min()), float(inputs.max()))))
    channels = _scaled(sample, float(sample.min()), float(sample.max())).reshape(len(sample), -1).T
    return Drawing("waveform", curves=[_envelope(channel) for channel in channels])


def _scaled(values: Array, low: float, high: float) -> Array:
    """From 0 to 1; values that are all the same stand in the middle."""
    scaled: Array = (values - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    return scaled


def _envelope(channel: Array) -> list[float]:
    """The least and the greatest value of each stretch, so that a long signal keeps its peaks."""
    if len(channel) > _MOST_POINTS:
        stretches = np.array_split(channel, _MOST_POINTS // 2)
        channel = np.array([end for stretch in stretches for end in (stretch.min(), stretch.max())])
    return [round(float(value), 3) for value in channel]


def _png(picture: Array) -> str:
    image = Image.fromarray((picture * 255).astype(np.uint8))
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
