"""A sequential test of a mean of bounded values against a ceiling, and the values whose mean is an AUC."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt

from edge_deployer.acceptance.statistics.betting import FloatArray, log_wealth_on_more, to_unit_interval
from edge_deployer.acceptance.statistics.decision import Decision, Standing, check_cap, check_error_rates


@dataclass(frozen=True)
class CeilingTest:
    """Is the mean of values in [low, high] within a limit, or over it by more than is tolerated?

    Two gamblers watch the same values: one bets on less than ``limit + tolerated``, the other on more than `limit`.
    The test ends when one of them is rich, accepts at 1/beta of the first's stake and rejects at 1/alpha of the
    second's. By Ville's inequality both error rates hold whatever the distribution, at any time one stops.
    """

    limit: float  # A device of this mean, or a smaller one, is rejected with probability alpha at most.
    tolerated: float  # A device over the limit by this much or more is accepted with probability beta at most.
    alpha: float  # The first error rate.
    beta: float  # The second error rate.
    cap: int  # Values after which there is no decision any more.
    low: float = 0.0  # Smallest value there can be.
    high: float = 1.0  # Largest value there can be.

    def __post_init__(self) -> None:
        check_error_rates(self.alpha, self.beta)
        check_cap(self.cap)
        if not self.low < self.limit < self.limit + self.tolerated < self.high:
            raise ValueError(
                f"limit {self.limit:g} and tolerated {self.tolerated:g} must give two means within "
                f"({self.low:g}, {self.high:g})"
            )

    def decide(self, values: FloatArray) -> Standing:
        """The first decision on values in the order in which they were taken; those after it do not count.

        Raises:
            ValueError: a value out of [low, high].
        """
        unit = to_unit_interval(values, self.low, self.high)[: self.cap]
        good, bad = to_unit_interval(np.array([self.limit, self.limit + self.tolerated]), self.low, self.high)
        # Each bets against one hypothesis as if the other were true, where the growth is fastest; that choice costs
        # samples where neither is, and never an error rate.
        on_good = log_wealth_on_more(1 - unit, 1 - bad, 1 - good)
        on_bad = log_wealth_on_more(unit, good, bad)
        rejects = on_bad >= log(1 / self.alpha)
        ends = np.flatnonzero(rejects | (on_good >= log(1 / self.beta)))
        if len(ends):
            return Standing(Decision.REJECT if rejects[ends[0]] else Decision.ACCEPT, int(ends[0]) + 1)
        return Standing(Decision.UNDECIDED if len(unit) == self.cap else None, len(unit))


def ranking_wins(labels: npt.NDArray[np.bool_], scores: FloatArray) -> FloatArray:
    """Values whose mean is the AUC: 1 where an anomaly outscores a normal sample, 1/2 for equal scores, else 0.

    The first anomaly is paired with the first normal sample, the second with the second, and so on. No sample is in
    two pairs, so that the values are independent, as a sequential test needs; the AUC of a whole set pairs each with
    each (Mann & Whitney 1947: the AUC is the probability that a positive outscores a negative).

    Args:
        labels: bool, shape (samples,): true for an anomaly.
        scores: float, shape (samples,): larger for what looks more like an anomaly.

    Returns:
        float64, shape (pairs,): as many as there are of the rarer label.

    Raises:
        ValueError: labels and scores differ in number, or a score is not a number.
    """
    if len(labels) != len(scores):
        raise ValueError(f"{len(labels)} labels for {len(scores)} scores")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    anomaly = np.asarray(labels, np.bool_)
    pairs = min(int(anomaly.sum()), int((~anomaly).sum()))
    anomalous, normal = np.asarray(scores)[anomaly][:pairs], np.asarray(scores)[~anomaly][:pairs]
    wins: FloatArray = (anomalous > normal) + 0.5 * (anomalous == normal)
    return wins
