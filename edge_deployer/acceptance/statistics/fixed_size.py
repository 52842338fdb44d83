"""What a sequential test is measured against: the test of a fixed size."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from math import lgamma, log, log1p

import numpy as np

from edge_deployer.acceptance.statistics.decision import check_error_rates, check_shares


# Every board's verdict asks for it, by the few plans that there are.
@lru_cache(maxsize=256)
def fixed_size_test(tolerated: float, bad: float, alpha: float, beta: float) -> tuple[int, int]:
    """The smallest binomial test of a size fixed beforehand.

    Returns:
        The samples it takes, and the most failures with which it accepts: the smallest n for which some c has
        ``P(failures > c | tolerated) <= alpha`` and ``P(failures <= c | bad) <= beta``.

    Raises:
        ValueError: shares or error rates that make no test.
    """
    check_shares(tolerated, bad)
    check_error_rates(alpha, beta)
    # Beta asks for more samples the more failures are allowed: the first size to hold alpha is the smallest.
    most, samples = 0, _fewest_samples(0, bad, beta, 1)
    while 1 - binomial_cdf(most, samples, tolerated) > alpha:
        most += 1
        samples = _fewest_samples(most, bad, beta, samples)
    return samples, most


def most_failures(share: float, samples: int, alpha: float) -> int:
    """The fewest failures that so many samples of this share exceed with probability alpha at most; 0 < share < 1."""
    return next(most for most in range(samples + 1) if 1 - binomial_cdf(most, samples, share) <= alpha)


def binomial_cdf(most: int, samples: int, share: float) -> float:
    """The probability of `most` failures or fewer in so many samples; 0 < share < 1."""
    # By logarithms, as binomial coefficients overflow float64 from 1,030 samples on.
    log_ways = lgamma(samples + 1) - np.array(
        [lgamma(failures + 1) + lgamma(samples - failures + 1) for failures in range(min(most, samples) + 1)]
    )
    failures = np.arange(len(log_ways))
    log_probability = log_ways + failures * log(share) + (samples - failures) * log1p(-share)
    return min(1.0, float(np.exp(log_probability).sum()))


def _fewest_samples(most: int, bad: float, beta: float, start: int) -> int:
    """The fewest samples of which `most` failures are so few that a bad device has them with probability beta."""
    # The probability of `most` failures or fewer falls with every sample, so that doubling and halving find the first.
    enough = start
    while binomial_cdf(most, enough, bad) > beta:
        enough *= 2
    return start + bisect_left(range(start, enough), True, key=lambda size: binomial_cdf(most, size, bad) <= beta)
