"""Is a production board slower with the release than its peers are, or than it was? A pure function of evidence."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.finding import Finding
from edge_deployer.rollout.refusals import SlowerThanCanary, SlowerThanProduction

_TELLS_NOTHING_US = 100
"""A difference that small is the clock's, or an interrupt's."""


def slower_than_canary(evidence: BoardEvidence, canary: BoardEvidence | None, limit: float | None) -> Finding | None:
    """The finding, where a board's 95th percentile is more than `limit` times a peer's; None where it is not known."""
    us, other = p95_us(evidence), p95_us(canary)
    if limit is None or us is None or other is None or not _is_slower(us, other, limit):
        return None
    assert canary is not None
    return SlowerThanCanary(us=us, other_us=other, canary=canary.board, limit=limit)


def slower_than_production(evidence: BoardEvidence, before_us: int | None, limit: float | None) -> Finding | None:
    """The same, against the 95th percentile of what its profile's boards ran before."""
    us = p95_us(evidence)
    if limit is None or us is None or before_us is None or not _is_slower(us, before_us, limit):
        return None
    return SlowerThanProduction(us=us, other_us=before_us, limit=limit)


def p95_us(evidence: BoardEvidence | None) -> int | None:
    """95th percentile by nearest rank, microseconds; None where the board gave no times."""
    if evidence is None or evidence.answers is None:
        return None
    times = sorted(time for time in evidence.answers.latencies_us if time is not None)
    return times[ceil(Fraction(95, 100) * len(times)) - 1] if times else None


def _is_slower(us: int, other_us: int, limit: float) -> bool:
    return us > limit * other_us and us - other_us > _TELLS_NOTHING_US
