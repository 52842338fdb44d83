from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sensor_example_gen.sources.motion_files.rows import Rows
from components.sensor_example_gen.sources.resampling import Windowing, resampled, timed, windows
from edge_deployer.tensors import Array


def blocks(times: Array, values: Array, size: int) -> Iterator[Rows]:
    for begin in range(0, len(times), size):
        yield Rows(values[begin : begin + size, None].astype(float), times[begin : begin + size])


def steps(times: Array, values: Array, rate: float, *, size: int = 1 << 15, gap: float = np.inf) -> list[Array]:
    """Of each piece."""
    pieces: list[list[Array]] = []
    for is_new, part in resampled(blocks(times, values, size), rate, gap):
        if is_new:
            pieces.append([])
        pieces[-1].append(part)
    return [np.concatenate(piece)[:, 0] for piece in pieces]


@pytest.mark.parametrize("rate", [25.0, 50.0, 61.0, 100.0, 1000.0])
@pytest.mark.parametrize("recorded", [20.0, 50.0, 119.0, 400.0])
def test_seconds_stay_seconds(rate: float, recorded: float) -> None:
    times = np.arange(int(4 * recorded)) / recorded
    (resulting,) = steps(times, times, rate)
    assert len(resulting) == round(4 * rate)
    # A line stays the line, but for the last row, which is held; where steps are means, it is that of the step.
    middle = 0.5 / rate if recorded >= 1.5 * rate else 0.0
    expected = np.arange(len(resulting)) / rate + middle
    inner = expected < times[-1] - 1 / rate
    assert resulting[inner] == pytest.approx(expected[inner], abs=0.5 / recorded if middle else 1e-9)


def test_what_has_the_rate_already_stays_as_it_is() -> None:
    values = np.random.default_rng(1).normal(size=300)
    (resulting,) = steps(np.arange(300) / 50, values, 50)
    assert resulting == pytest.approx(values)


def test_faster_rows_are_averaged_and_do_not_alias() -> None:
    times = np.arange(4000) / 1000
    (resulting,) = steps(times, np.sin(2 * np.pi * 49 * times), 50)
    assert abs(resulting).max() < 0.1


@given(st.lists(st.floats(0, 0.2), min_size=2, max_size=200), st.sampled_from([5.0, 20.0, 200.0]), st.integers(2, 50))
def test_steps_do_not_depend_on_where_blocks_end(intervals: list[float], rate: float, size: int) -> None:
    times = np.cumsum([0.01] * size + intervals)
    values = np.random.default_rng(1).normal(size=len(times))
    # What is decided of a piece is decided by its first block.
    times[:size] = np.arange(size) * 0.01
    whole = steps(times, values, rate, size=len(times))
    parts = steps(times, values, rate, size=size)
    if _interval(times) == pytest.approx(0.01):
        assert [len(piece) for piece in parts] == [len(piece) for piece in whole]
        for part, piece in zip(parts, whole, strict=True):
            assert part == pytest.approx(piece, abs=1e-6)
    assert all(np.isfinite(piece).all() for piece in parts)


def _interval(times: Array) -> float:
    intervals = np.diff(times)
    return float(np.median(intervals[intervals > 0]))


@pytest.mark.parametrize("size", [1, 7, 50, 51, 1000])
def test_nothing_is_made_up_for_a_gap(size: int) -> None:
    times = np.concatenate([np.arange(50) / 50, 1e9 + np.arange(70) / 50, 2e9 + np.arange(10) / 50])
    resulting = steps(times, np.arange(130), 50, size=size, gap=2.0)
    assert [len(piece) for piece in resulting] == [50, 70, 10]
    assert resulting[1] == pytest.approx(np.arange(50, 120), abs=1e-4)


def test_rows_without_a_time_come_at_their_rate() -> None:
    rows = list(timed(blocks(np.zeros(7), np.arange(7), 3), 10))
    assert np.concatenate([each.times for each in rows if each.times is not None]) == pytest.approx(np.arange(7) / 10)


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=5), min_size=1, max_size=4),
    st.integers(1, 20),
    st.integers(1, 30),
)
def test_windows_begin_every_hop_in_each_piece(pieces: list[list[int]], length: int, hop: int) -> None:
    number = itertools.count()
    parts = [
        (index == 0, np.array([[next(number)] for _ in range(size)], float))
        for piece in pieces
        for index, size in enumerate(piece)
    ]
    made = list(windows(parts, Windowing(50, length, hop)))
    expected, start = [], 0
    for size in map(sum, pieces):
        expected += [start + begin for begin in range(0, size - length + 1, hop)]
        start += size
    assert all(window.shape == (length, 1) and window.dtype == np.float32 for window, _ in made)
    if expected:
        assert [int(window[0, 0]) for window, _ in made] == expected
        assert not any(is_short for _, is_short in made)
        assert all((np.diff(window[:, 0]) == 1).all() for window, _ in made)
        return
    ((window, is_short),) = made
    longest = max(map(sum, pieces))
    assert is_short
    assert (np.diff(window[:longest, 0]) == 1).all()
    assert (window[longest:] == window[longest - 1]).all()
