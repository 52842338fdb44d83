"""The range of values that becomes int8, for features that a board computes with integers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any, Final

import numpy as np

from edge_deployer.tensors import Array
from pipeline.init.proposal import Choice

_LARGEST: Final = 32_767
_FEWEST_STEPS: Final = 64
"""Steps of the sensor that the range must have, or it is too coarse for int16."""
_ALIKE: Final = 4.0
"""How much wider one column's range may be than another's before each gets its own."""
_TAILS: Final = (0.1, 99.9)
"""Percentiles: what lies beyond saturates, and one odd value takes no range from all others."""
_ON_HOST: Final = "computed on the host: no sensor's int16 holds this range finely enough"


@dataclass(frozen=True)
class Ranges:
    """Where the values of each column lie."""

    low: Array  # float64, shape ``(columns,)``.
    high: Array
    are_whole: bool  # Whether all values are integers within int16.
    sensor: bool  # Whether they are stored as a sensor gives them: uint8, int8 or int16.


def ranges_of(values: Array) -> Ranges:
    """Where values lie, the last dimension being the columns.

    Args:
        values: shape ``(..., columns)``, finite.
    """
    sensor = values.dtype.name in ("uint8", "int8", "int16")
    columns = values.reshape(-1, values.shape[-1]).astype(np.float64)
    low, high = np.percentile(columns, _TAILS, axis=0)
    whole = bool((columns == np.rint(columns)).all() and np.abs(columns).max() <= _LARGEST)
    if whole:
        low, high = columns.min(axis=0), columns.max(axis=0)
    return Ranges(low, high, whole, sensor)


def scale_choice(ranges: Ranges) -> Choice:
    """`data.features` for values of that range: `scale`, or `none` where int16 cannot hold it."""
    low, high = ranges.low, np.where(ranges.high > ranges.low, ranges.high, ranges.low + 1)
    spread = high - low
    if spread.max() <= _ALIKE * spread.min() and np.ptp(low) <= spread.max():
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    steps = np.ones(len(low)) if ranges.are_whole else np.array([_step(*ends) for ends in zip(low, high, strict=True)])
    low, high = _outwards(low, high, steps, whole=ranges.are_whole)
    if ((high - low) / steps < _FEWEST_STEPS).any() and not ranges.are_whole:
        return Choice("features", "none", _ON_HOST)
    section: dict[str, Any] = {"kind": "scale", "low": _listed(low), "high": _listed(high)}
    if not ranges.sensor:
        section["resolution"] = _listed(steps)
    why = "int8 from this range, by integers; resolution is a step of the sensor: set yours"
    return Choice("features", section, why if "resolution" in section else "int8 from this range, by integers")


def _step(low: float, high: float) -> float:
    """A step of an int16 sensor that reaches beyond both ends by a half: two digits."""
    step = 1.5 * max(abs(low), abs(high)) / _LARGEST
    return _upwards(step, 2)


def _outwards(low: Array, high: Array, steps: Array, *, whole: bool) -> tuple[Array, Array]:
    if whole:
        return low, high
    margin = 0.05 * (high - low)
    ends = [(_digits(a - m, floor, m), _digits(b + m, ceil, m)) for a, b, m in zip(low, high, margin, strict=True)]
    least, most = np.array(ends).T
    return np.maximum(least, -_LARGEST * steps), np.minimum(most, _LARGEST * steps)


def _digits(value: float, rounded: Any, margin: float) -> float:
    """A value with no more digits than its margin asks for."""
    unit = 10.0 ** floor(log10(margin))
    return float(f"{rounded(value / unit) * unit:.6g}")


def _upwards(value: float, digits: int) -> float:
    unit = 10.0 ** (floor(log10(value)) - digits + 1)
    return float(f"{ceil(value / unit) * unit:.6g}")


def _listed(values: Array) -> float | int | list[float]:
    numbers = [int(value) if value == int(value) else float(f"{value:.6g}") for value in values.tolist()]
    return numbers[0] if len(set(numbers)) == 1 else numbers
