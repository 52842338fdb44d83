"""Recordings in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.motion_files.rows import (
    Rows,
    Runs,
    Wanted,
    require_columns,
    rows_of,
    shortened,
)

_LARGEST: Final = 1 << 26
"""Bytes of a file: it is read whole, and takes some ten times as much as objects."""


class JsonFile:
    """Counted in recordings. Where `recording` is given, the file is an object with a list of them under that name.

    A recording is a list of rows, ``[{"x": 1, "y": 2}, ...]``; or an object of columns, ``{"x": [1, ...], ...}``; or an
    object that has a list of rows among its fields, ``{"label": "7", "points": [{"x": 1, "y": 2}, ...]}``.
    """

    def __init__(self, path: Path, recording: str | None) -> None:
        self._recording = recording
        self._contents = _parsed(path)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def _recordings(self) -> list[Any]:
        if self._recording is None:
            return [self._contents]
        found = self._contents.get(self._recording) if isinstance(self._contents, dict) else None
        if not isinstance(found, list):
            raise UnusableRecord(Anomaly.WRONG_FORMAT, f"has no list {self._recording!r}")
        return found

    def _first(self) -> dict[str, list[Any]]:
        recordings = self._recordings
        return _columns(recordings[0]) if recordings else {}

    def columns(self) -> list[str]:
        """Of the first recording."""
        return list(self._first())

    def numeric(self) -> list[str]:
        """Those of the first recording whose first value is a number."""
        columns = self._first()
        return [name for name, values in columns.items() if isinstance(next(iter(values), None), (int, float))]

    def runs(self, fields: Sequence[str], recording: str | None) -> Runs:
        """See `MotionFile`; a recording lacks what it says nothing of."""
        recordings = self._recordings
        if not recordings:
            raise UnusableRecord(Anomaly.EMPTY, f"{recording} is empty")
        places = np.arange(len(recordings))
        texts = {field: np.array([_text(each, field) for each in recordings]) for field in fields}
        return Runs(np.stack([places, places + 1], axis=1), texts)

    def rows(self, wanted: Wanted, span: tuple[int, int] | None) -> Iterator[Rows]:
        """See `MotionFile`."""
        columns = _columns(self._recordings[0 if span is None else span[0]])
        require_columns(wanted.all, list(columns))
        try:
            numbers = {name: pa.chunked_array([_array(columns[name])]) for name in wanted.all}
            yield rows_of(pa.table(numbers), wanted)
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error))) from None


def _parsed(path: Path) -> Any:
    with path.open("rb") as file:
        contents = file.read(_LARGEST + 1)
    if len(contents) > _LARGEST:
        raise UnusableRecord(Anomaly.TOO_LARGE, f"has more than {_LARGEST:,} bytes; write it as CSV or Parquet")
    if not contents.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        raise UnusableRecord(Anomaly.WRONG_FORMAT, "does not begin as JSON")
    try:
        return json.loads(contents)
    except (ValueError, RecursionError) as error:
        raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error))) from None


def _columns(recording: Any) -> dict[str, list[Any]]:
    """Columns of a recording in any of its forms."""
    if _is_rows(recording):
        return {name: [row.get(name) for row in recording] for name in recording[0]}
    fields = recording if isinstance(recording, dict) else {}
    nested = [value for value in fields.values() if _is_rows(value)]
    if len(nested) == 1:
        return _columns(nested[0])
    columns = {name: value for name, value in fields.items() if isinstance(value, list)}
    if not any(columns.values()):
        raise UnusableRecord(Anomaly.EMPTY, "has no rows")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or len(nested) > 1:
        raise UnusableRecord(Anomaly.WRONG_FORMAT, f"has {len(columns)} lists, and they are no columns of one table")
    return columns


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _array(values: list[Any]) -> pa.Array:
    if any(isinstance(value, str) for value in values):
        return pa.array(values, pa.string())
    return pa.array(np.array(values, np.float64))


def _text(recording: Any, field: str) -> str:
    value = recording.get(field) if isinstance(recording, dict) else None
    return str(value) if isinstance(value, str | int | float) else ""
