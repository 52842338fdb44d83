"""The plot behind the charts: where a figure lies on the paper, and which numbers stand beside it."""

from __future__ import annotations

import re
from math import ceil, inf, nan

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_deployer.report.plot import ACCENT, Axis, Plot, ticks


def plot() -> Plot:
    """A square of ten by ten units of ten points each, from (14, 8) on the paper to (114, 108)."""
    return Plot(122, 144, Axis(0, 10, {0: "0"}, "samples"), Axis(0, 10, {0: "0"}))


def test_figures_lie_where_the_axes_say() -> None:
    drawn = plot()
    drawn.line([(0, 0), (5, 2.5), (10, 10)], ACCENT, 2)
    drawn.dots([(5, 2.5)], ACCENT, 3)
    assert 'd="M14.0 108.0L64.0 83.0L114.0 8.0"' in drawn.svg()
    assert '<circle cx="64.0" cy="83.0" r="3" fill="var(--accent)"/>' in drawn.svg()


@pytest.mark.parametrize("absent", [nan, inf, -inf])
def test_what_is_not_finite_leaves_a_gap(absent: float) -> None:
    drawn = plot()
    points = [(0, absent), (1, 1), (2, 2), (3, absent), (4, absent), (5, 5)]
    drawn.line(points, ACCENT, 2)
    drawn.dots(points, ACCENT, 3)
    assert 'd="M24.0 98.0L34.0 88.0M64.0 58.0"' in drawn.svg()
    assert drawn.svg().count("<circle") == 3


def test_words_are_text_and_nothing_else() -> None:
    drawn = plot()
    drawn.text((5, 5), "<b> & c", ACCENT)
    assert "&lt;b&gt; &amp; c</text>" in drawn.svg()


def test_an_axis_has_its_name_and_room_for_its_figures() -> None:
    wide = Plot(122, 144, Axis(0, 10, {0: "0"}), Axis(0, 10, {0: "0", 5: "5.125"}, "outputs off"))
    wide.dots([(0, 0)], ACCENT, 3)
    left = re.search(r'cx="([\d.]+)"', wide.svg())
    assert left is not None
    assert float(left[1]) >= 18 + 5 * 6
    assert ">outputs off</text>" in wide.svg()


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 2.2, 5, [0, 0.5, 1, 1.5, 2]),
        (0.27, 1.03, 5, [0.4, 0.6, 0.8, 1.0]),
        (-0.1, 1.05, 5, [0, 0.25, 0.5, 0.75, 1]),
        (0, 3e-5, 5, [0, 1e-5, 2e-5, 3e-5]),
        (0, 0.7, 7, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, most: int, expected: list[float]) -> None:
    assert ticks(low, high, most) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1, 1, [1]), (1, 3, [1, 2, 3]), (1, 25, [5, 10, 15, 20, 25]), (0, 13, [0, 5, 10]), (-0.25, 2, [0, 1, 2])],
)
def test_ticks_of_a_count_are_whole(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 6, whole=True) == expected


@example(low=1e-12, span=1e-6, most=1, whole=True)
@given(low=st.floats(-1e6, 1e6), span=st.floats(1e-6, 1e9), most=st.integers(1, 10), whole=st.booleans())
def test_ticks_are_within_the_axis_and_not_too_many(low: float, span: float, most: int, whole: bool) -> None:
    high = low + span
    found = ticks(low, high, most, whole=whole)
    slack = 1e-8 * max(abs(low), abs(high), span)
    assert all(low - slack <= tick <= high + slack for tick in found)
    assert len(found) <= most + 1
    if not whole and span > 1e-3 * abs(low):
        assert len(found) >= ceil(most / 2.5) - 1
