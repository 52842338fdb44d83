"""A sequential test of a share of failures: stop as soon as the evidence suffices, at exact error rates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from edge_deployer.acceptance.statistics.calibration import calibrated_lines
from edge_deployer.acceptance.statistics.decision import (
    Decision,
    Standing,
    TooFewSamplesError,
    check_cap,
    check_error_rates,
    check_shares,
)
from edge_deployer.acceptance.statistics.fixed_size import fixed_size_test
from edge_deployer.acceptance.statistics.lines import Lines
from edge_deployer.acceptance.statistics.stopping_time import stretches

UNDECIDED_WITHIN_CAP = 0.1
"""A cap that leaves more than this undecided, at the tolerated or the bad share, is refused."""


@dataclass(frozen=True)
class BernoulliTest:
    """Is the share of failures the tolerated one, or the bad one? Made by `design_test`."""

    tolerated: float  # A device of this share, or a smaller one, is rejected with probability alpha at most.
    bad: float  # A device of this share, or a larger one, is accepted with probability beta at most.
    alpha: float  # The first error rate.
    beta: float  # The second error rate.
    cap: int  # Samples after which there is no decision any more.
    lines: Lines  # Where the test ends before.

    @property
    def fixed_samples(self) -> int:
        """What a test of fixed size takes for the same shares and error rates."""
        return fixed_size_test(self.tolerated, self.bad, self.alpha, self.beta)[0]

    def decide(self, failures: int, samples: int) -> Decision | None:
        """What is to be said after so many samples, asked after each; None: take one more.

        The error rates are those of the first decision: whoever has taken more samples since uses `decide_in_order`.

        Raises:
            ValueError: more failures than samples, fewer than none, or more samples than the cap.
        """
        if not 0 <= failures <= samples <= self.cap:
            raise ValueError(f"{failures} failures in {samples} samples of at most {self.cap} cannot be")
        if self.lines.rejects(failures, samples):
            return Decision.REJECT
        if self.lines.accepts(failures, samples):
            return Decision.ACCEPT
        return Decision.UNDECIDED if samples == self.cap else None

    def decide_in_order(self, failed: npt.NDArray[np.bool_]) -> Standing:
        """The first decision on a sequence of samples; those after it, or after the cap, do not count.

        Args:
            failed: bool, shape (samples,), in the order in which they were taken.
        """
        # A walk that went on past a line would be judged again and again, and each time adds to the error rates.
        for index, failures in enumerate(np.cumsum(failed[: self.cap])):
            decision = self.decide(int(failures), index + 1)
            if decision is not None:
                return Standing(decision, index + 1)
        return Standing(None, len(failed))


@lru_cache(maxsize=256)
def design_test(tolerated: float, bad: float, alpha: float, beta: float, cap: int) -> BernoulliTest:
    """The test of tolerated against bad that stops earliest among those of Wald's form whose error rates hold.

    Its lines are those of Wald's sequential probability ratio test (1945), which no test of the same error rates
    beats in mean samples at either share (Wald & Wolfowitz 1948), moved together until the exact error rates are
    just within alpha and beta. A cap only cuts the test off: it lowers both error rates and moves no line.

    Mean samples come within 1.10 of Wald's bound where a test of fixed size would take 100 samples or more; one failure
    carries a smaller test further over its line. A design takes milliseconds, seconds where bad is under 1.2 tolerated.

    Args:
        tolerated: share of failures of a good device, above 0.
        bad: share of failures of a bad device, under 1.
        alpha: highest probability of rejecting a good device.
        beta: highest probability of accepting a bad device.
        cap: most samples.

    Raises:
        TooFewSamplesError: more than `UNDECIDED_WITHIN_CAP` of the tests of good or of bad devices would end
            undecided at this cap; the message has the one that is needed.
        ValueError: shares or error rates that make no test.
    """
    check_shares(tolerated, bad)
    check_error_rates(alpha, beta)
    check_cap(cap)
    # Cutting off keeps the error rates at any cap, so that a test with too small a one looks sound and decides nothing.
    needed = smallest_cap(tolerated, bad, alpha, beta)
    if cap < needed:
        raise TooFewSamplesError(
            f"a test of {tolerated:.4g} against {bad:.4g} at error rates {alpha:.4g} and {beta:.4g} needs up to "
            f"{needed} samples, and its cap is {cap}"
        )
    return BernoulliTest(tolerated, bad, alpha, beta, cap, calibrated_lines(tolerated, bad, alpha, beta))


def smallest_cap(tolerated: float, bad: float, alpha: float, beta: float) -> int:
    """The fewest samples that a test can be capped at: after them at most `UNDECIDED_WITHIN_CAP` of the tests go on."""
    lines = calibrated_lines(tolerated, bad, alpha, beta)
    return max(
        next(each.start + each.samples for each in stretches(lines, share) if each.left <= UNDECIDED_WITHIN_CAP)
        for share in (tolerated, bad)
    )
