"""Tensors as a device sees them: dtype, shape, and the affine quantisation between real and stored values.

There is one `quantize` in the project, so that the Evaluator, the acceptance set and a sample typed on the command
line all give the device the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TensorSpec:
    """One input or output tensor of a model.

    Attributes:
        dtype: numpy name of the stored type, e.g. ``int8``.
        shape: full shape with the batch dimension the model was converted with, e.g. ``(1, 8, 8, 1)``.
        scale: real units per step, or None where the tensor is not quantised.
        zero_point: the stored value that stands for the real value 0.
    """

    dtype: str
    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of one sample on the wire."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: without the batch dimension of 1, where the tensor has one."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape

    def describe(self) -> str:
        """The tensor in one phrase, e.g. ``int8[1, 8, 8, 1]``."""
        return f"{self.dtype}{list(self.shape)}"


def quantize(values: Array, spec: TensorSpec) -> Array:
    """Real values to the device's stored values: ``round(x / scale) + zero_point``, saturated to the dtype.

    Rounding is half away from zero, as TFLM's QUANTIZE kernel and ``TfLiteRound`` do, not numpy's half to even.
    Source: TFLite's 8-bit quantisation specification.

    Args:
        values: real numbers, any shape.
        spec: the tensor they are meant for. Values for a tensor without a scale are cast only.

    Returns:
        Array of ``values.shape`` and ``spec.dtype``.
    """
    if spec.scale is None:
        return np.asarray(values).astype(spec.dtype)
    limits = np.iinfo(spec.dtype)
    steps = np.asarray(values, np.float32) / np.float32(spec.scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + spec.zero_point
    stored: Array = np.clip(rounded, limits.min, limits.max).astype(spec.dtype)
    return stored


def dequantize(stored: Array, spec: TensorSpec) -> npt.NDArray[np.float32]:
    """Stored values to real ones: ``(q - zero_point) * scale``; a tensor without a scale is cast only.

    Returns:
        float32 array of ``stored.shape``.
    """
    if spec.scale is None:
        return np.asarray(stored).astype(np.float32)
    real: npt.NDArray[np.float32] = (
        (np.asarray(stored).astype(np.float32) - spec.zero_point) * np.float32(spec.scale)
    ).astype(np.float32)
    return real
