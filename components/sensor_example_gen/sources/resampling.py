"""From rows of any rate to windows of one rate, a block at a time: memory does not grow with a recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from components.sensor_example_gen.sources.motion_files.rows import Rows
from edge_deployer.tensors import Array

_AT_ONCE: Final = 1 << 14
"""Steps that are made at once."""
_AVERAGED_FROM: Final = 1.5
"""Rows to a step from which on they are averaged."""

Part = tuple[bool, Array]
"""Whether these steps follow a gap, or are the first; and the steps, float64, shape ``(steps, columns)``."""


@dataclass(frozen=True)
class Windowing:
    """How windows are made of a recording."""

    rate: float  # Steps a second.
    steps: int  # Of a window.
    hop: int  # Steps from the beginning of a window to that of the next.


def resampled(blocks: Iterable[Rows], rate: float, gap: float) -> Iterator[Part]:
    """Steps at one rate, the first at the first row; the last row lasts as long as a row does (the median).

    Where a step has one and a half rows or more, it is the mean over its time; else a value on the straight line
    between the rows before and after it. Nothing is made up for a gap of more than `gap` seconds: steps begin anew
    after it.

    Args:
        blocks: rows with their times, which do not fall; those of a block are one at least.
        rate: steps a second.
        gap: seconds.
    """
    piece: _Piece | None = None
    for rows in blocks:
        assert rows.times is not None
        before = rows.times[0] if piece is None else piece.last
        leaps = np.flatnonzero(np.diff(rows.times, prepend=before) > gap)
        for number, (begin, end) in enumerate(zip([0, *leaps], [*leaps, len(rows.times)], strict=True)):
            if piece is not None and number:
                yield from piece.finished()
                piece = None
            if begin == end:
                continue
            times, values = rows.times[begin:end], rows.values[begin:end]
            if piece is None:
                piece = _Piece(times, rate)
            yield from piece.advanced(times, values)
    if piece is not None:
        yield from piece.finished()


def timed(blocks: Iterable[Rows], rate: float) -> Iterator[Rows]:
    """Rows that say no time, as they come so many a second."""
    before = 0
    for rows in blocks:
        yield Rows(rows.values, np.arange(before, before + len(rows.values)) / rate)
        before += len(rows.values)


class _Piece:
    """Rows without a gap, of which the last are kept."""

    def __init__(self, times: Array, rate: float) -> None:
        intervals = np.diff(times)
        intervals = intervals[intervals > 0]
        self._interval = float(np.median(intervals)) if len(intervals) else 1 / rate
        self._rate = rate
        self._averages = self._interval * rate * _AVERAGED_FROM <= 1
        self._start = float(times[0])
        self._done = 0
        self._times = np.empty(0)
        self._values = np.empty((0, 0))

    @property
    def last(self) -> float:
        """Time of the last row."""
        return float(self._times[-1])

    def advanced(self, times: Array, values: Array) -> Iterator[Part]:
        """The steps that end before the last of these rows."""
        if len(self._times):
            times, values = np.append(self._times, times), np.concatenate([self._values, values])
        self._times, self._values = times, values
        yield from self._to(int((self.last - self._start) * self._rate))
        kept = max(0, int(np.searchsorted(self._times, self._grid(self._done)[-1], "right")) - 1)
        self._times, self._values = self._times[kept:], self._values[kept:]

    def finished(self) -> Iterator[Part]:
        """The steps that are left."""
        end = self.last + self._interval
        self._times = np.append(self._times, end)
        self._values = np.concatenate([self._values, self._values[-1:]])
        yield from self._to(max(1, int(np.floor((end - self._start) * self._rate + 0.5))))

    def _grid(self, stop: int) -> Array:
        """Times of the steps from the next one to `stop`."""
        grid: Array = self._start + np.arange(self._done, stop + 1) / self._rate
        return grid

    def _to(self, end: int) -> Iterator[Part]:
        while self._done < end:
            stop = min(end, self._done + _AT_ONCE)
            steps = self._averaged(stop) if self._averages else self._interpolated(stop)
            yield self._done == 0, steps
            self._done = stop

    def _interpolated(self, stop: int) -> Array:
        times = self._grid(stop - 1)
        return np.stack([np.interp(times, self._times, column) for column in self._values.T], axis=1)

    def _averaged(self, stop: int) -> Array:
        """By the trapezoidal rule, from row to row."""
        edges = np.minimum(self._grid(stop), self.last)
        middles = (self._values[1:] + self._values[:-1]) / 2 * np.diff(self._times)[:, None]
        sums = np.concatenate([np.zeros((1, self._values.shape[1])), np.cumsum(middles, axis=0)])
        at_edges = np.stack([np.interp(edges, self._times, column) for column in sums.T], axis=1)
        steps: Array = np.diff(at_edges, axis=0) / np.diff(edges)[:, None]
        return steps


def windows(parts: Iterable[Part], windowing: Windowing) -> Iterator[tuple[Array, bool]]:
    """Windows, float32, shape ``(steps, columns)``, and whether each was filled up.

    A window begins every hop. What is left at the end, or before a gap, and fills no window, is in none; but of a
    recording that fills no window at all its longest piece is taken, and its last step repeated.
    """
    steps, hop = windowing.steps, windowing.hop
    left, skip, longest, made = np.empty((0, 0)), 0, np.empty((0, 0)), False
    for is_new, part in parts:
        if is_new:
            longest = max(longest, left, key=len)
            left, skip = part, 0
        else:
            left = np.concatenate([left, part[skip:]])
            skip = max(0, skip - len(part))
        while len(left) >= steps:
            made = True
            yield left[:steps].astype(np.float32), False
            skip = max(0, hop - len(left))
            left = left[hop:]
    if not made:
        short = max(longest, left, key=len)
        yield np.concatenate([short, np.repeat(short[-1:], steps - len(short), 0)]).astype(np.float32), True
