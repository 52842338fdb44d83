"""How long messages may be, and how long to wait for a reply, follows from what the line has shown."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.session.pace import MessageSize, ReplyTime

OVERHEAD = 50


def rate(length: float, damage: float) -> float:
    """What a line carries, see `MessageSize`."""
    return (length - OVERHEAD) * math.exp(-2 * damage * length) / length


@given(st.integers(200, 5000), st.integers(1, 50))
def test_the_length_is_the_one_that_carries_most(length: int, successes: int) -> None:
    sizes = MessageSize(OVERHEAD)
    sizes.note(length, arrived=False)
    for _ in range(successes):
        sizes.note(length, arrived=True)
    best = sizes.line_bytes
    damage = 0.97**successes / (length * sum(0.97**age for age in range(successes + 1)))
    if best > 160:
        assert rate(best, damage) >= max(rate(best * 0.9, damage), rate(best * 1.1, damage))


def test_a_clean_line_takes_any_length() -> None:
    sizes = MessageSize(OVERHEAD)
    for _ in range(100):
        sizes.note(4000, arrived=True)
    assert sizes.line_bytes == math.inf
    assert not sizes.is_lossy


def test_a_loss_is_forgotten_in_time() -> None:
    sizes = MessageSize(OVERHEAD)
    sizes.note(4000, arrived=False)
    assert sizes.line_bytes < 1000
    for _ in range(300):
        sizes.note(500, arrived=True)
    assert sizes.line_bytes > 4000


@given(st.lists(st.floats(0, 5), min_size=20, max_size=60))
def test_a_reply_is_waited_for_at_least_as_long_as_they_take_on_average(times: list[float]) -> None:
    estimate = ReplyTime()
    for _ in range(5):
        for seconds in times:
            estimate.note(seconds)
    assert estimate.timeout_s >= min(times)


def test_steady_replies_are_not_waited_for_much_longer() -> None:
    estimate = ReplyTime()
    for _ in range(50):
        estimate.note(0.4)
    assert 0.4 <= estimate.timeout_s < 0.5
