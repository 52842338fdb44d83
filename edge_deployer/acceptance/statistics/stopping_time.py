"""Exactly when, and how, a test between two lines ends: dynamic programming over (samples, failures)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from edge_deployer.acceptance.statistics.lines import Lines

FloatArray = npt.NDArray[np.float64]

_NEGLIGIBLE = 1e-12
"""Probability that a test still goes on, under which it is not followed any further."""


@dataclass(frozen=True)
class Stretch:
    """Samples during which neither line passes a whole number of failures.

    Failures are binomial in a stretch, and only too many of them can end the test before its last sample.
    """

    start: int  # Samples before it.
    samples: int  # How many it has.
    # Float64; [i] is the probability that the test goes on at the start, and that i more failures than the fewest
    # possible are there. As many failures as the array is long reject.
    going_on: FloatArray
    rejected: float  # The probability that the test ends by rejecting in this stretch.
    accepted: float  # The probability that the test ends by accepting at the last sample of this stretch.
    left: float  # The probability that the test goes on after it.


def stretches(lines: Lines, share: float) -> Iterator[Stretch]:
    """Follow a test from its first sample until it has almost surely ended.

    One step of the dynamic programme takes a whole stretch: there are about two per failure of the slope.

    Args:
        lines: where the test ends.
        share: the probability that one sample fails, 0 to 1.
    """
    start, fewest, rejecting = 0, 0, lines.fewest_to_reject
    going_on = np.zeros(rejecting)
    going_on[0] = left = 1.0
    while left > _NEGLIGIBLE:
        accepts_at, rejects_until = lines.first_to_accept(fewest), lines.last_to_reject(rejecting)
        end = min(accepts_at, rejects_until)
        # Who has too many failures at the end of the stretch rejected within it: cut off, they are what is missing.
        after = np.convolve(going_on, _binomial(end - start, share, len(going_on)))[: len(going_on)]
        rejected = left - float(after.sum())
        # And only the fewest possible failures lie at the accepting line, which a test reaches by passing.
        accepted = float(after[0]) if end == accepts_at else 0.0
        left -= rejected + accepted
        yield Stretch(start, end - start, going_on, rejected, accepted, left)
        going_on, start = after, end
        if end == accepts_at:
            going_on, fewest = going_on[1:], fewest + 1
        if end == rejects_until:
            going_on, rejecting = np.append(going_on, 0.0), rejecting + 1


@lru_cache(maxsize=4096)
@lru_cache(maxsize=4096)
def _binomial(samples: int, share: float, width: int) -> FloatArray:
    """Probabilities of 0 to width - 1 failures in so many samples, each of which fails with probability `share`."""
    failures = np.arange(1, width)
    # Each probability from the one before, C(n, k) = C(n, k-1) (n-k+1)/k: no factorial, nothing to overflow.
    factors = np.maximum((samples - failures + 1) * share / failures, 0.0)
    passes = (1 - share) ** np.maximum(samples - np.arange(width), 0)
    probabilities: FloatArray = np.append(1.0, factors).cumprod() * passes
    return probabilities
