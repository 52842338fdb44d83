"""The line's speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.virtual_board.lane import Lane

pushes_and_pauses = st.lists(st.tuples(st.binary(max_size=300), st.floats(0, 0.2)), max_size=10)


@given(pushes_and_pauses, st.sampled_from([9600, 115200, 921600]))
def test_bytes_keep_their_order_and_never_beat_the_line_rate(pushes: list[tuple[bytes, float]], rate: int) -> None:
    lane, now, arrived = Lane(rate), 0.0, b""
    for data, pause in pushes:
        lane.push(data, now)
        now += pause
        arrived += lane.take(now)
        assert len(arrived) <= now * rate / 10 + 1
    sent = b"".join(data for data, _ in pushes)
    assert arrived + lane.take(now + 1 + len(sent) * 10 / rate) == sent


@given(st.binary(min_size=1, max_size=3000), st.sampled_from([9600, 115200]))
def test_waiting_as_told_delivers_all_bytes_at_the_line_rate(data: bytes, rate: int) -> None:
    lane, now, arrived = Lane(rate), 0.0, b""
    lane.push(data, now)
    while (wait := lane.wait(now)) is not None:
        now += wait
        portion = lane.take(now)
        assert portion
        arrived += portion
    assert arrived == data
    assert now == pytest.approx(len(data) * 10 / rate, rel=1e-3)


def test_without_a_rate_bytes_arrive_at_once() -> None:
    lane = Lane(0)
    lane.push(b"abc", 5.0)
    assert lane.wait(5.0) == 0.0
    assert lane.take(5.0) == b"abc"
    assert lane.wait(5.0) is None
