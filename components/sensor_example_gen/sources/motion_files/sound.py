"""A recording's rows, in blocks that depend on the recording alone, once all of it has been looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.motion_files.rows import MotionFile, Rows, Wanted
from edge_deployer.tensors import Array

_BLOCK: Final = 1 << 15
"""Rows that are resampled at once: always as many, so that a sample is the same to the last bit however it is read."""
_KEPT: Final = 1 << 22
"""Values of a recording that is read once; a longer one is read a first time to see that it is sound."""


def sound_rows(file: MotionFile, wanted: Wanted, span: tuple[int, int] | None) -> Iterable[Rows]:
    """A recording in blocks of `_BLOCK` rows, all of which have been looked at.

    Raises:
        UnusableRecord: it is damaged, has no row, a value is not finite, or its time falls or stands still.
    """
    kept: list[Rows] | None = []
    size, last = 0, -np.inf
    for rows in _in_blocks(file.rows(wanted, span)):
        _require_finite(rows, wanted, size // len(wanted.columns))
        if rows.times is not None:
            _require_rising(rows.times, last)
            last = rows.times[-1]
        size += rows.values.size
        kept = None if kept is None or size > _KEPT else [*kept, rows]
    if not size:
        raise UnusableRecord(Anomaly.EMPTY, "has no row")
    return _in_blocks(file.rows(wanted, span)) if kept is None else kept


def _in_blocks(blocks: Iterable[Rows]) -> Iterator[Rows]:
    held: list[Rows] = []
    count = 0
    for rows in blocks:
        held.append(rows)
        count += len(rows.values)
        if count >= _BLOCK:
            whole = _as_one(held)
            full = count - count % _BLOCK
            for begin in range(0, full, _BLOCK):
                yield _part(whole, begin, begin + _BLOCK)
            held, count = [_part(whole, full, count)], count - full
    if count:
        yield _as_one(held)


def _as_one(blocks: list[Rows]) -> Rows:
    if len(blocks) == 1:
        return blocks[0]
    times = [rows.times for rows in blocks if rows.times is not None]
    return Rows(np.concatenate([rows.values for rows in blocks]), np.concatenate(times) if times else None)


def _part(rows: Rows, begin: int, end: int) -> Rows:
    return Rows(rows.values[begin:end], None if rows.times is None else rows.times[begin:end])


def _require_finite(rows: Rows, wanted: Wanted, before: int) -> None:
    finite = np.abs(rows.values) <= np.finfo(np.float32).max
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = rows.values[row, column]
        detail = f"{wanted.columns[column]} is {value:g} in row {before + row} of the recording"
        raise UnusableRecord(Anomaly.NOT_FINITE, detail)
    if rows.times is not None and not np.isfinite(rows.times).all():
        row = int(np.argmin(np.isfinite(rows.times)))
        raise UnusableRecord(Anomaly.NOT_FINITE, f"{wanted.time} is no time in row {before + row} of the recording")


def _require_rising(times: Array, last: float) -> None:
    if (np.diff(times, prepend=last) < 0).any():
        raise UnusableRecord(Anomaly.CORRUPT, "time runs backwards")
    if len(times) > 2 and np.median(np.diff(times)) == 0:
        raise UnusableRecord(Anomaly.CORRUPT, "most rows have the time of the row before")
