"""The narrowest lines whose exact error rates hold."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from math import ceil, log
from typing import Literal

from edge_deployer.acceptance.statistics.lines import UNIT, Lines
from edge_deployer.acceptance.statistics.stopping_time import stretches

_STEP = UNIT // 1000
"""The grid on which intercepts are searched: a thousandth of a failure."""


@lru_cache(maxsize=256)
def calibrated_lines(tolerated: float, bad: float, alpha: float, beta: float) -> Lines:
    """The narrowest lines of Wald's slope with P(reject | tolerated) <= alpha and P(accept | bad) <= beta, exactly.

    A wider accepting line makes rejections more frequent and the other way round, so each line is the narrowest for
    the other by turns; started from lines too narrow, this rises to the one pair that is narrower than every other
    pair that holds (the least fixed point of a monotone map), and no pair of lines of this slope stops earlier.
    """
    slope, weight = _likelihood_slope(tolerated, bad)

    # Wald's own intercepts, log((1-beta)/alpha) and log((1-alpha)/beta), are too wide, as a failure overshoots the
    # rejecting line: for 1 % against 5 % at rates of 5 % they reject 2.9 % of good devices, and a bad one takes a
    # fifth more samples.
    def spares_the_good(lines: Lines) -> bool:
        return _sums_to_at_most(alpha, ((stretch.rejected, stretch.left) for stretch in stretches(lines, tolerated)))

    def spots_the_bad(lines: Lines) -> bool:
        return _sums_to_at_most(beta, ((stretch.accepted, stretch.left) for stretch in stretches(lines, bad)))

    narrow, lines = None, Lines(slope=round(slope * UNIT), accept=_STEP, reject=_STEP)
    while lines != narrow:
        narrow = lines
        lines = _moved_out(lines, "reject", log(1 / alpha) / weight, spares_the_good)
        lines = _moved_out(lines, "accept", log(1 / beta) / weight, spots_the_bad)
    return lines


def _likelihood_slope(tolerated: float, bad: float) -> tuple[float, float]:
    """The slope of equal likelihood, and the log likelihood ratio that one failure adds to it.

    Source: Wald 1945, section 5.3: ``slope = log((1-p0)/(1-p1)) / weight``,
    ``weight = log(p1/p0) + log((1-p0)/(1-p1))``.
    """
    passing = log((1 - tolerated) / (1 - bad))
    weight = log(bad / tolerated) + passing
    return passing / weight, weight


def _moved_out(lines: Lines, side: Literal["accept", "reject"], wide: float, holds: Callable[[Lines], bool]) -> Lines:
    """The same lines, with one moved outwards on the grid as little as makes an error rate hold.

    At an intercept of `wide` failures Ville's inequality makes it hold.
    """

    def moved(steps: int) -> Lines:
        return replace(lines, **{side: steps * _STEP})

    # Whoever crosses the outer line has crossed the inner one before: the error rate falls as the line moves out.
    if holds(lines):
        return lines
    first = getattr(lines, side) // _STEP + 1
    return moved(first + bisect_left(range(first, ceil(wide * UNIT / _STEP)), True, key=lambda at: holds(moved(at))))


def _sums_to_at_most(rate: float, steps: Iterable[tuple[float, float]]) -> bool:
    """Whether the errors made sum to `rate` at most; each step has an error made, and what may still become one."""
    made = 0.0
    for error, left in steps:
        made += error
        if made > rate:
            return False
        if made + left <= rate:
            return True
    return True
