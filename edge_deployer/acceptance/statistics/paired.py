"""Is a candidate release not worse than production? Both answer the same samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest
from edge_deployer.acceptance.statistics.decision import Standing, check_cap, check_error_rates


@dataclass(frozen=True)
class PairedTest:
    """Sequential test of a loss of accuracy of `margin` or more against none, on paired answers.

    A sample loses 1 where production alone is right, -1 where the candidate alone is, else 0: the discordant pairs
    of McNemar 1947. The mean loss is the difference of the accuracies. It is tested by betting (`CeilingTest`), so
    that the error rates hold whatever the share of discordant pairs; that share only says how long it takes, about
    ``5.3 * share / margin^2`` samples at alpha = beta = 0.05, and at least ``4 / margin``.
    """

    margin: float  # A candidate that is worse by this much or more is accepted with probability beta at most.
    alpha: float  # A candidate that is as good as production, or better, is rejected with this probability at most.
    beta: float  # The second error rate.
    cap: int  # Samples after which there is no decision any more.

    def __post_init__(self) -> None:
        if not 0 < self.margin < 1:
            raise ValueError(f"margin must be above 0 and under 1, not {self.margin:g}")
        check_error_rates(self.alpha, self.beta)
        check_cap(self.cap)

    def decide(self, candidate_right: npt.NDArray[np.bool_], production_right: npt.NDArray[np.bool_]) -> Standing:
        """The first decision on samples in the order in which they were taken; those after it do not count.

        Args:
            candidate_right: bool, shape (samples,): whether the candidate's answer is right.
            production_right: bool, shape (samples,): the same of production, on the same samples.

        Raises:
            ValueError: the two differ in number.
        """
        if len(candidate_right) != len(production_right):
            raise ValueError(f"{len(candidate_right)} answers of the candidate, {len(production_right)} of production")
        # McNemar's test conditions on the discordant pairs and so knows no margin; a mean over all samples has one.
        losses = np.asarray(production_right, np.float64) - np.asarray(candidate_right, np.float64)
        return CeilingTest(0.0, self.margin, self.alpha, self.beta, self.cap, -1.0, 1.0).decide(losses)
