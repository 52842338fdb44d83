"""The arena to set aside: never less than was measured, and by boards before the host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.export.arena import Arena, MeasuredArena

FIGURES = st.integers(1, 2**24)


@given(st.none() | FIGURES, st.lists(FIGURES, min_size=1, max_size=4))
def test_real_boards_are_believed_before_the_host(host: int | None, used: list[int]) -> None:
    arena = Arena(host, tuple(MeasuredArena(f"b{figure}", "cortex-m4", figure) for figure in used))
    assert arena.needed == max(used)


@given(FIGURES)
def test_there_is_headroom_and_the_whole_is_aligned(host: int) -> None:
    arena = Arena(host, ())
    assert arena.needed == host
    assert arena.total == host + arena.headroom
    assert arena.total % 16 == 0
    assert arena.headroom >= max(1024, host // 10)
    assert arena.headroom < max(1024, host // 10) + 16


def test_what_nobody_measured_is_an_error() -> None:
    with pytest.raises(TinyopsError, match="arena is not known") as raised:
        _ = Arena(None, ()).total
    assert "`sim` extra" in raised.value.remedy
