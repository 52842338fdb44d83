"""What front ends of sound ask of their samples."""

from __future__ import annotations

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array


def require_row(name: str, sample: tuple[int, ...], frame: int) -> int:
    """The length of a sample.

    Args:
        name: of the front end.
        sample: shape of the sample.
        frame: values that a sample must have.

    Raises:
        TinyopsError: it is no row of values, or shorter than a frame.
    """
    if len(sample) != 1 or sample[0] < frame:
        raise TinyopsError(
            f"data.features: {name} takes a row of at least {frame} values, not samples of shape {sample}",
            remedy=f"choose data.kind audio and a data.window with {frame} values or more, or other features",
        )
    return sample[0]


def require_int16(name: str, values: Array) -> Array:
    """The sample itself.

    Raises:
        TinyopsError: it is not int16.
    """
    if values.dtype != np.int16:
        raise TinyopsError(
            f"data.features: {name} takes int16 samples, not {values.dtype}",
            remedy="choose data.kind audio, or other features",
        )
    return values
