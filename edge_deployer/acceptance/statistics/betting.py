"""Evidence on the mean of bounded values, as the wealth of a gambler who may not go into debt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LARGEST_VARIANCE = 0.25
"""Of values in [0, 1]: what is assumed before there is a sample."""

_MOST_STAKED = 0.75
"""Largest share of the wealth that one sample may cost.

More would gain on devices that never err, but one error then costs a whole acceptance."""


def log_wealth_on_more(unit: FloatArray, mean: float, expected: float) -> FloatArray:
    """The logarithm of the wealth, after each value, of a gambler who bets that the mean is over `mean`.

    Where it is not, the wealth is a supermartingale that starts at 1 and ever reaches w with probability 1/w at most
    (Ville). The bet on a value is Kelly's for the mean that is expected and the variance seen before,
    ``min(d / (v + d^2), c / mean)`` with ``d = expected - mean``, v the mean of ``(x - expected)^2``.
    Source: Waudby-Smith & Ramdas 2024, section B.2, with a given alternative in place of an estimated one.

    Args:
        unit: float64 in [0, 1], shape (samples,).
        mean: what is bet against, above 0.
        expected: the mean at which the wealth shall grow fastest, over `mean`.

    Returns:
        float64, shape (samples,), in nats.
    """
    # Kelly 1956: the bet of the fastest growth, to second order. Log-wealth is summed, as wealth itself overflows.
    distance = expected - mean
    variance = mean_before_each((unit - expected) ** 2, LARGEST_VARIANCE)
    bets = np.minimum(distance / (variance + distance**2), _MOST_STAKED / mean)
    wealth: FloatArray = np.cumsum(np.log1p(bets * (unit - mean)))
    return wealth


def mean_before_each(values: FloatArray, first: float) -> FloatArray:
    """For each value the mean of those before it and of `first`, so that a bet never knows what it is made on."""
    before = np.concatenate([[first], values[:-1]]) if len(values) else values
    means: FloatArray = np.cumsum(before) / np.arange(1, len(values) + 1)
    return means


def to_unit_interval(values: FloatArray, low: float, high: float) -> FloatArray:
    """Values of [low, high] moved to [0, 1].

    Raises:
        ValueError: a value out of [low, high], NaN too, or low not under high.
    """
    if not low < high:
        raise ValueError(f"the lowest value must be under the highest, not {low:g} and {high:g}")
    values = np.asarray(values, np.float64)
    outside = values[~((values >= low) & (values <= high))]
    if len(outside):
        raise ValueError(f"{outside[0]:g} is out of [{low:g}, {high:g}], the range that values were said to have")
    # Rounding can carry the ends out of [0, 1], on which the supermartingale rests.
    return np.clip((values - low) / (high - low), 0.0, 1.0)
