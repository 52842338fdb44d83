"""The two lines between which a sequential test of failures goes on."""

from __future__ import annotations

from dataclasses import dataclass

UNIT = 10**9
"""One failure, in the billionths in which lines are kept: decisions are integer arithmetic, equal on every machine."""


@dataclass(frozen=True)
class Lines:
    """Parallel lines in the plane of (samples, failures): Wald's sequential probability ratio test, 1945.

    Accept at or under ``slope * samples - accept``, reject at or over ``slope * samples + reject``.
    """

    slope: int  # Billionths of a failure per sample.
    accept: int  # How far the accepting line lies below the ray of that slope, in billionths of a failure, above 0.
    reject: int  # How far the rejecting line lies over it, above 0.

    def accepts(self, failures: int, samples: int) -> bool:
        """Whether so few failures accept."""
        return failures * UNIT <= self.slope * samples - self.accept

    def rejects(self, failures: int, samples: int) -> bool:
        """Whether so many failures reject."""
        return failures * UNIT >= self.slope * samples + self.reject

    def first_to_accept(self, failures: int) -> int:
        """The fewest samples with which so many failures accept."""
        return -(-(failures * UNIT + self.accept) // self.slope)

    def last_to_reject(self, failures: int) -> int:
        """The most samples with which so many failures reject; negative where they never do."""
        return (failures * UNIT - self.reject) // self.slope

    @property
    def fewest_to_reject(self) -> int:
        """The fewest failures that ever reject, with as few samples as one likes."""
        return -(-self.reject // UNIT)
