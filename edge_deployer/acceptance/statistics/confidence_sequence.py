"""Bounds that hold at every number of samples at once, so that they may be read where a test happened to stop."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log, log1p

import numpy as np

from edge_deployer.acceptance.statistics.betting import (
    LARGEST_VARIANCE,
    FloatArray,
    mean_before_each,
    to_unit_interval,
)
from edge_deployer.acceptance.statistics.fixed_size import binomial_cdf

_HALVINGS = 40
_MOST_STAKED = 0.5
"""Largest share of the wealth that one sample may cost; the constant c of Waudby-Smith & Ramdas, their choice."""


def share_lower_bound(failures: int, samples: int, confidence: float) -> float:
    """The lower bound of a share of failures: one less the upper bound of the share that passes."""
    return 1.0 - share_upper_bound(samples - failures, samples, confidence)


def share_upper_bound(failures: int, samples: int, confidence: float) -> float:
    """The upper bound of a share of failures, at whatever time it is read.

    The bound is the share p at which the likelihood ratio of all smaller shares, in equal parts, to p itself is
    ``1 / (1 - confidence)``. Where the share is p or larger this ratio is a supermartingale that starts at 1, so that
    it ever comes so far with probability ``1 - confidence`` at most (Ville). With k failures in n samples it is ::

        B(k+1, n-k+1) P(Binomial(n+1, p) > k) / (p^(k+1) (1-p)^(n-k))

    which grows with p. Source: Robbins 1970, method of mixtures; one-sided beta-binomial mixture, Howard, Ramdas,
    McAuliffe & Sekhon 2021. The mixture over [0, p] suits small shares, where one over [0, 1] is wider by half.

    Raises:
        ValueError: more failures than samples, fewer than none, or a confidence that is not between 0 and 1.
    """
    if not 0 <= failures <= samples:
        raise ValueError(f"{failures} failures in {samples} samples cannot be")
    threshold = _evidence_for(confidence)
    if failures == samples:
        return 1.0
    # In logarithms: the likelihood of a thousand samples is under the smallest float64.
    log_beta = lgamma(failures + 1) + lgamma(samples - failures + 1) - lgamma(samples + 2)

    def refuted(share: float) -> bool:
        smaller = 1 - binomial_cdf(failures, samples + 1, share)
        likelihood = (failures + 1) * log(share) + (samples - failures) * log1p(-share)
        return log_beta + log(smaller) - likelihood >= threshold

    return _bisect(refuted, refuted_end=1.0, other_end=failures / samples)


def mean_upper_bound(values: FloatArray, low: float, high: float, confidence: float) -> float:
    """The upper bound of a mean: the lower bound of the mirrored values."""
    return -mean_lower_bound(-np.asarray(values, np.float64), -high, -low, confidence)


def mean_lower_bound(values: FloatArray, low: float, high: float, confidence: float) -> float:
    """The lower bound of the mean of bounded values, at whatever time it is read.

    For every mean m a gambler bets that the values lie above it; where m is the mean or lies over it, their wealth is
    a supermartingale. The bound is the largest m that made them rich, ``1 / (1 - confidence)`` times their stake.
    With values in [0, 1], the bet on sample t is ``min(sqrt(2 log(1/(1 - confidence)) / (v t log(1 + t))), c / m)``,
    v the variance of the samples before it. Wealth falls as m grows, so that the bound is found by bisection, to
    2^-40 of the range, where a grid would give a thousandth.
    Source: hedged capital, Waudby-Smith & Ramdas 2024, theorem 3 and section 4.

    Args:
        values: float64, shape (samples,), in the order in which they were taken.
        low: smallest value there can be.
        high: largest value there can be.
        confidence: of the bound.

    Raises:
        ValueError: a value out of [low, high], low not under high, or a confidence that is not between 0 and 1.
    """
    threshold = _evidence_for(confidence)
    unit = to_unit_interval(values, low, high)
    # Both estimates begin at a guess, 1/2 and 1/4, and a bet uses those from before its sample: knowing it, it would be
    # no bet, and the wealth no supermartingale.
    time = np.arange(1, len(unit) + 1)
    running_mean = (np.cumsum(unit) + 0.5) / (time + 1)
    variance = mean_before_each((unit - running_mean) ** 2, LARGEST_VARIANCE)
    bets = np.sqrt(2 * threshold / (variance * time * np.log1p(time)))

    def refuted(mean: float) -> bool:
        wealth = np.log1p(np.minimum(bets, _MOST_STAKED / mean) * (unit - mean))
        return float(wealth.sum()) >= threshold

    return low + (high - low) * _bisect(refuted, refuted_end=0.0, other_end=1.0)


def _evidence_for(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence:g}")
    return -log1p(-confidence)


def _bisect(refuted: Callable[[float], bool], refuted_end: float, other_end: float) -> float:
    """The last refuted value on the way from `refuted_end` to `other_end`; the bound errs on the wide side."""
    for _ in range(_HALVINGS):
        middle = (refuted_end + other_end) / 2
        if refuted(middle):
            refuted_end = middle
        else:
            other_end = middle
    return refuted_end
