"""Recordings in Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.motion_files.rows import (
    Rows,
    Runs,
    Wanted,
    key_columns,
    require_columns,
    rows_of,
    runs_of,
    shortened,
    text_columns,
)
from edge_deployer.tensors import Array

_BATCH: Final = 1 << 14
_MAGIC: Final = b"PAR1"
_DAMAGED: Final = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError)


class ParquetFile:
    """Counted in rows. Recordings that are asked for one after the other are decoded once, with flat memory."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise UnusableRecord(Anomaly.WRONG_FORMAT, "does not begin as Parquet")
        try:
            self._file = pq.ParquetFile(path)
        except _DAMAGED as error:
            raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error).replace(str(path), path.name))) from None
        self._next: tuple[Wanted, _Cursor] | None = None

    def close(self) -> None:
        """Close it."""
        self._next = None
        self._file.close()

    def columns(self) -> list[str]:
        """Of the schema."""
        return list(self._file.schema_arrow.names)

    def numeric(self) -> list[str]:
        """Columns of integers and floats."""
        return [
            field.name
            for field in self._file.schema_arrow
            if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        ]

    def runs(self, fields: Sequence[str], recording: str | None) -> Runs:
        """See `MotionFile`."""
        keys = key_columns(fields, recording)
        require_columns(keys.values(), self._file.schema_arrow.names)
        tables = (
            (text_columns(pa.table([table[column] for column in keys.values()], names=list(keys))), places)
            for table, places in _Cursor(self._file, list(dict.fromkeys(keys.values())), 0)
        )
        try:
            return runs_of(tables, fields, self._file.metadata.num_rows)
        except _DAMAGED as error:
            raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error))) from None

    def rows(self, wanted: Wanted, span: tuple[int, int] | None) -> Iterator[Rows]:
        """See `MotionFile`."""
        require_columns(wanted.all, self._file.schema_arrow.names)
        begin, end = span or (0, self._file.metadata.num_rows)
        cursor = self._cursor(wanted, begin)
        try:
            while begin < end:
                table = cursor.take(begin, end)
                begin += table.num_rows
                yield rows_of(table, wanted)
        except _DAMAGED as error:
            raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error))) from None
        self._next = (wanted, cursor)

    def _cursor(self, wanted: Wanted, begin: int) -> _Cursor:
        """The one that the recording before has left, if it has not come further; else another."""
        left, self._next = self._next, None
        if left is not None and left[0] == wanted and left[1].reaches(begin):
            return left[1]
        return _Cursor(self._file, wanted.all, begin)


class _Cursor:
    """Some columns of a file from the row group on that has a row, batch by batch."""

    def __init__(self, file: pq.ParquetFile, columns: list[str], begin: int) -> None:
        sizes = [file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups)]
        self._ends = np.cumsum(sizes)
        group = int(np.searchsorted(self._ends, begin, "right"))
        self._row = int(self._ends[group - 1]) if group else 0  # Of the batch's first row.
        groups = list(range(group, len(sizes)))
        self._batches = file.iter_batches(_BATCH, row_groups=groups, columns=columns, use_threads=False)
        self._batch: pa.Table | None = None

    def __iter__(self) -> Iterator[tuple[pa.Table, Array]]:
        for batch in self._batches:
            if not batch.num_rows:
                continue
            yield pa.Table.from_batches([batch]), np.arange(self._row, self._row + batch.num_rows)
            self._row += batch.num_rows

    def reaches(self, row: int) -> bool:
        """Whether a row still comes, before one could begin nearer to it."""
        group = int(np.searchsorted(self._ends, row, "right"))
        return self._row <= row and (not group or self._ends[group - 1] <= self._row + _BATCH)

    def take(self, begin: int, end: int) -> pa.Table:
        """Rows from `begin` on, to `end` at most, and one at least."""
        while self._batch is None or self._row + self._batch.num_rows <= begin:
            self._row += 0 if self._batch is None else self._batch.num_rows
            batch = next(self._batches, None)
            if batch is None:
                raise ValueError("it has fewer rows than it says")
            self._batch = pa.Table.from_batches([batch])
        return self._batch.slice(begin - self._row, end - begin)
