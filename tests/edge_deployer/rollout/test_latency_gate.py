"""The latency gate: how much slower a board may be than a peer, or than it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.report.words import in_words
from edge_deployer.rollout.latency_gate import p95_us, slower_than_canary, slower_than_production
from tests.edge_deployer.rollout.timed_evidence import evidence

_US = st.integers(0, 10_000_000)
_LIMITS = st.sampled_from([1.0, 1.1, 1.5, 2.0])


@given(_US, _US, _LIMITS)
def test_a_board_fails_beyond_the_ratio_if_the_difference_tells_anything(us: int, other: int, limit: float) -> None:
    is_slower = us > limit * other and us > other + 100
    board, canary = evidence([us]), evidence([other], "p1")
    found, before = slower_than_canary(board, canary, limit), slower_than_production(board, other, limit)
    assert (found is not None) == (before is not None) == is_slower
    if found is not None and before is not None:
        figures = {"us": us, "other_us": other, "limit": limit}
        assert found.model_dump(exclude={"code"}) == {**figures, "canary": "p1"}
        assert before.model_dump(exclude={"code"}) == figures
        for finding in (found, before):
            assert f"{us:,} µs" in in_words(finding)


@pytest.mark.parametrize(("us", "is_slower"), [(1500, False), (1501, True), (1100, False)])
def test_the_ratio_itself_is_borne(us: int, is_slower: bool) -> None:
    found = slower_than_canary(evidence([us]), evidence([1000], "p1"), 1.5)
    assert (found is not None) is is_slower
    if found is not None:
        assert in_words(found) == (
            "the 95th percentile of its latency is 1,501 µs, 1.5 times the 1,000 µs of p1, which had the release "
            "before; 1.5 times is the most"
        )


@pytest.mark.parametrize(("us", "is_slower"), [(110, False), (111, True)])
def test_a_hundred_microseconds_tell_nothing(us: int, is_slower: bool) -> None:
    assert (slower_than_production(evidence([us]), 10, 1.5) is not None) is is_slower


def test_a_board_without_times_is_asked_nothing() -> None:
    slow, known = evidence([9_000_000]), evidence([1], "p1")
    for nothing in (evidence(None), evidence([None, None]), evidence([])):
        assert p95_us(nothing) is None
        assert slower_than_canary(nothing, known, 1.5) is None
        assert slower_than_canary(slow, nothing, 1.5) is None
        assert slower_than_production(nothing, 1, 1.5) is None
    assert slower_than_canary(slow, None, 1.5) is None
    assert slower_than_production(slow, None, 1.5) is None
    assert slower_than_canary(slow, known, None) is slower_than_production(slow, 1, None) is None


@given(st.lists(st.none() | _US, min_size=1))
def test_the_percentile_is_a_time_that_was_measured_and_at_most_a_twentieth_is_above(times: list[int | None]) -> None:
    known = sorted(time for time in times if time is not None)
    found = p95_us(evidence(times))
    if not known:
        assert found is None
        return
    assert found in known
    assert sum(time > found for time in known) <= 0.05 * len(known)
    assert sum(time >= found for time in known) > 0.05 * len(known)
