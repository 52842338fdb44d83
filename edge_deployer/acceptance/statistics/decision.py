"""What a sequential test can say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Decision(Enum):
    """The end of a sequential test. While it goes on there is no decision: None."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNDECIDED = "undecided"
    """The cap was reached and the evidence suffices for neither: never a guess."""


@dataclass(frozen=True)
class Standing:
    """Where a sequential test stands after the observations it was given, in order."""

    decision: Decision | None  # None while the test goes on.
    samples: int  # Observations used: up to and with the one that decided, or all of them.


class TooFewSamplesError(ValueError):
    """A test that its cap makes impossible."""


def check_error_rates(alpha: float, beta: float) -> None:
    """Refuse error rates of which one is not between 0 and 0.5, by a ValueError."""
    for name, rate in (("alpha", alpha), ("beta", beta)):
        if not 0 < rate < 0.5:
            raise ValueError(f"{name} must be above 0 and under 0.5, not {rate:g}")


def check_shares(tolerated: float, bad: float) -> None:
    """Refuse shares of failures that are not in order between 0 and 1, by a ValueError."""
    if not 0 < tolerated < bad < 1:
        raise ValueError(f"0 < tolerated < bad < 1 is needed, not tolerated {tolerated:g} and bad {bad:g}")


def check_cap(cap: int) -> None:
    """Refuse a cap that leaves nothing to observe, by a ValueError."""
    if cap < 1:
        raise ValueError(f"cap must be 1 sample or more, not {cap}")
