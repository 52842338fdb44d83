"""Linear scaling of a sensor's integers to int8: motion and images."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import AllowInfNan, Field, PositiveFloat, model_validator

from components.sensor_example_gen.features.front_end import FrontEndSection
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

_SHIFT: Final = 23
"""The most for which ``255 * 2**shift``, rounding included, is an int32."""
_STEPS: Final = 255
_ZERO: Final = -128
_RAW: Final = np.iinfo(np.int16)
_SENSORS: Final = ("uint8", "int8", "int16")
"""What a sensor's own integers are."""

_Number = Annotated[float, AllowInfNan(allow_inf_nan=False)]
_Step = Annotated[PositiveFloat, AllowInfNan(allow_inf_nan=False)]


class ScaleSection(FrontEndSection):
    """A range in the data's own unit, for all columns or a list with one for each. As it stands, it takes pictures."""

    kind: Literal["scale"] = "scale"
    low: _Number | Annotated[list[_Number], Field(min_length=1)] = 0.0  # What becomes -128, and all below it.
    high: _Number | Annotated[list[_Number], Field(min_length=1)] = 255.0  # What becomes 127, and all above it.
    # Units to a step of the sensor: a board reads ``round(value / resolution)`` as int16. None: the data is what the
    # sensor gives.
    resolution: _Step | Annotated[list[_Step], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_range(self) -> ScaleSection:
        lengths = {len(each) for each in (self.low, self.high, self.resolution) if isinstance(each, list)}
        if len(lengths) > 1:
            raise ValueError("low, high and resolution have lists of different lengths; give a value for each column")
        low, high = np.broadcast_arrays(*self.raw_range)
        for column, (first, last) in enumerate(zip(low.flat, high.flat, strict=True)):
            if not _RAW.min <= first < last <= _RAW.max:
                raise ValueError(
                    f"column {column}: low and high are {first:g} and {last:g} steps of the sensor; low must lie below "
                    f"high, and both within int16, {_RAW.min} to {_RAW.max}"
                )
        return self

    @property
    def raw_range(self) -> tuple[Array, Array]:
        """`low` and `high` in steps of the sensor, rounded; float64, shape ``(1,)`` or ``(columns,)``."""
        step = np.atleast_1d(1.0 if self.resolution is None else self.resolution)
        with np.errstate(over="ignore"):
            low, high = (_rounded(np.atleast_1d(end) / step) + 0.0 for end in (self.low, self.high))
        # +-2 g in 16 bits are -32768 to 32768 steps, of which a sensor cannot give the last.
        return low, np.where(high == _RAW.max + 1, _RAW.max, high)


class Scale:
    """``raw_low`` becomes -128 and ``raw_high`` 127, in a straight line; what lies beyond saturates.

    Half a step rounds up: ``(((raw - raw_low) * multiplier + (1 << (shift - 1))) >> shift) - 128`` for a value of a
    column, or of any where there is one range for all. Nothing is negative where it is shifted, and nothing leaves
    int32, whatever the parameters: C gives the same on every machine. `edge_deployer/export/templates/scale.c.j2` is
    that C.

    With the range of a picture, 0 to 255, this is ``pixel - 128``.
    """

    Section: ClassVar[type[FrontEndSection]] = ScaleSection
    name: ClassVar[str] = "scale"
    version: ClassVar[str] = "1"
    on_board: ClassVar[bool] = True

    def __init__(self, section: ScaleSection) -> None:
        self._section = section

    @cached_property
    def _range(self) -> tuple[Array, Array]:
        """Of raw values that do not saturate, int64, both of shape ``(1,)`` or ``(columns,)``."""
        low, high = np.broadcast_arrays(*self._section.raw_range)
        return low.astype(np.int64), high.astype(np.int64)

    @cached_property
    def _multiplier(self) -> Array:
        low, high = self._range
        span = high - low
        multiplier: Array = np.floor_divide((_STEPS << _SHIFT) + span // 2, span)
        return multiplier

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """That of the sample.

        Raises:
            TinyopsError: there is a range for each column, and the sample has another number of columns.
        """
        columns = len(self._range[0])
        if columns > 1 and sample[-1:] != (columns,):
            raise TinyopsError(
                f"data.features: low, high or resolution has {columns} values, and a sample is {list(sample)}",
                remedy="give one value, or one for each column: the last figure of the sample's shape",
            )
        return sample

    def raw(self, values: Array) -> Array:
        """A sample as the sensor gives it to the board.

        Returns:
            `values`, where they are uint8, int8 or int16 and there is no resolution. Else ``round(values /
            resolution)``, half away from zero, saturated to int16.

        Raises:
            TinyopsError: they are other numbers, and no resolution says what a step of the sensor is.
        """
        resolution = self._section.resolution
        if resolution is not None:
            return np.clip(_rounded(values / np.atleast_1d(resolution)), _RAW.min, _RAW.max).astype(np.int16)
        if values.dtype.name not in _SENSORS:
            raise TinyopsError(
                f"data.features: samples are {values.dtype.name}; a sensor gives {', '.join(_SENSORS)}",
                remedy="set resolution to the units of a step of the sensor, e.g. 0.00006104 for +-2 g in 16 bits",
            )
        return values

    def compute(self, raw: Array) -> Array:
        """The features, int8, of a raw sample of the same shape."""
        low, high = self._range
        above = np.clip(raw.astype(np.int64), low, high) - low
        return (((above * self._multiplier + (1 << (_SHIFT - 1))) >> _SHIFT) + _ZERO).astype(np.int8)

    def parameters(self) -> Mapping[str, Any]:
        """The parameters of the C function, lists with one value, or one for each column; and what they stand for.

        ``resolution`` is the unit's part that is a step of the sensor, null where the data is raw.
        """
        section, (low, high) = self._section, self._range
        return {
            "raw_low": low.tolist(),
            "raw_high": high.tolist(),
            "multiplier": self._multiplier.tolist(),
            "shift": _SHIFT,
            "low": np.atleast_1d(section.low).tolist(),
            "high": np.atleast_1d(section.high).tolist(),
            "resolution": None if section.resolution is None else np.atleast_1d(section.resolution).tolist(),
        }


def _rounded(values: Array) -> Array:
    """Half away from zero."""
    rounded: Array = np.trunc(values + np.copysign(0.5, values))
    return rounded
