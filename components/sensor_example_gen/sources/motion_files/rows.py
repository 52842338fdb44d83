"""What all files of motion have in common: rows of columns, and runs of rows that are a recording each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from edge_deployer.tensors import Array

TimeUnit = Literal["s", "ms", "us", "ns", "timestamp"]
"""What the time of a row is counted in; a timestamp is ISO 8601."""

_UNITS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_RECORDING: Final = "\0recording"
"""Name that the column which tells recordings apart has in `runs_of`: it may be a field, too."""
_LONGEST_DETAIL: Final = 120


@dataclass(frozen=True)
class Wanted:
    """The columns that are read."""

    columns: tuple[str, ...]  # Of a sample, in its order.
    time: str | None = None
    unit: TimeUnit = "s"

    @property
    def all(self) -> list[str]:
        """Names of all columns, the time last."""
        return [*self.columns, *([] if self.time is None else [self.time])]


@dataclass(frozen=True)
class Rows:
    """Some rows that follow one another."""

    values: Array  # float64, shape ``(rows, columns)``; NaN where there is no number.
    times: Array | None = None  # float64 seconds, shape ``(rows,)``.


@dataclass(frozen=True)
class Runs:
    """The recordings of a file."""

    spans: Array  # int64, shape ``(recordings, 2)``: begin and end, in what the file counts in.
    fields: dict[str, Array]  # Text, shape ``(recordings,)``: what the file says of each.


class MotionFile(Protocol):
    """An open file. It must not be used by two threads at once."""

    def columns(self) -> list[str]:
        """Names of all columns.

        Raises:
            UnusableRecord: here and below: it is another file than its name says, or is damaged.
        """

    def numeric(self) -> list[str]:
        """Names of the columns that hold numbers, as far as the file's beginning shows."""

    def runs(self, fields: Sequence[str], recording: str | None) -> Runs:
        """Its recordings; only the columns that tell them apart are read.

        Args:
            fields: columns that are wanted of each recording.
            recording: column whose value changes where another recording begins, as it does where a field changes.
        """

    def rows(self, wanted: Wanted, span: tuple[int, int] | None) -> Iterator[Rows]:
        """One recording, some rows at a time.

        Args:
            wanted: columns to read.
            span: of `runs`; None for all of the file.
        """

    def close(self) -> None:
        """Let the file go."""


def require_columns(wanted: Iterable[str], there: Sequence[str]) -> None:
    """See that a file has some columns.

    Raises:
        UnusableRecord: it lacks one, or has two of that name.
    """
    for column in wanted:
        if there.count(column) != 1:
            how_many = "two columns" if column in there else "no column"
            raise UnusableRecord(
                Anomaly.WRONG_FORMAT, shortened(f"has {how_many} {column!r}; it has {', '.join(there) or 'none'}")
            )


def rows_of(table: pa.Table, wanted: Wanted) -> Rows:
    """Columns of numbers, and the time, of an Arrow table.

    Raises:
        pa.ArrowException: a value is no number.
    """
    values = np.empty((table.num_rows, len(wanted.columns)))
    for index, column in enumerate(wanted.columns):
        values[:, index] = _numbers(table[column])
    return Rows(values, None if wanted.time is None else _seconds(table[wanted.time], wanted.unit))


def _numbers(column: pa.ChunkedArray) -> Array:
    # Not safe: an integer beyond 2**53 loses its last digits.
    numbers: Array = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _seconds(column: pa.ChunkedArray, unit: TimeUnit) -> Array:
    if pa.types.is_string(column.type):
        column = _parsed(column)
    if pa.types.is_timestamp(column.type):
        counted = {"s": "s", "ms": "ms", "us": "us", "ns": "ns"}[column.type.unit]
        return _numbers(column.cast(pa.int64())) * _UNITS[counted]
    return _numbers(column) * _UNITS.get(unit, 1.0)


def _parsed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps of text, with or without a zone."""
    first = str(column[0]) if len(column) else ""
    has_zone = first.endswith("Z") or "+" in first or first[10:].count("-") > 0
    return column.cast(pa.timestamp("ns", "UTC" if has_zone else None))


def text_columns(table: pa.Table) -> pa.Table:
    """The same columns as text, empty where there is nothing."""
    columns = [pc.fill_null(column.cast(pa.string()), "") for column in table.columns]
    return pa.table(columns, names=table.column_names)


def runs_of(tables: Iterable[tuple[pa.Table, Array]], fields: Sequence[str], end: int) -> Runs:
    """Runs of rows that are equal in all columns.

    Args:
        tables: text columns, and where each row begins: int64, shape ``(rows,)``.
        fields: columns that are wanted of each run.
        end: where the last row ends.

    Raises:
        UnusableRecord: there is no row.
    """
    begins: list[Array] = []
    firsts: list[pa.Table] = []
    last: list[dict[str, str]] | None = None
    for table, places in tables:
        fresh = _changes(table)
        fresh[0] = table.slice(0, 1).to_pylist() != last
        last = table.slice(table.num_rows - 1).to_pylist()
        begins.append(places[fresh])
        firsts.append(table.filter(pa.array(fresh)))
    if not begins:
        raise UnusableRecord(Anomaly.EMPTY, "has no row")
    starts = np.concatenate(begins)
    whole = pa.concat_tables(firsts)
    _require_together(whole)
    texts = {field: whole[field].to_numpy().astype(str) for field in fields}
    return Runs(np.stack([starts, np.append(starts[1:], end)], axis=1), texts)


def _changes(table: pa.Table) -> Array:
    """Whether each row differs from the one before; the first does."""
    fresh = np.zeros(table.num_rows, np.bool_)
    for column in table.columns:
        whole = column.combine_chunks()
        fresh[1:] |= pc.not_equal(whole[1:], whole[:-1]).to_numpy(zero_copy_only=False)
    return fresh


def _require_together(runs: pa.Table) -> None:
    """See that no recording begins twice, where a column, the last, tells them apart."""
    if _RECORDING not in runs.column_names:
        return
    seen = set()
    for key in zip(*(column.to_pylist() for column in runs.columns), strict=True):
        if key in seen:
            raise UnusableRecord(
                Anomaly.WRONG_FORMAT, shortened(f"rows of recording {key[-1]} stand apart; sort them by recording")
            )
        seen.add(key)


def key_columns(fields: Sequence[str], recording: str | None) -> dict[str, str]:
    """Columns of the file that tell its recordings apart, by their name in `runs_of`."""
    return {field: field for field in fields} | ({} if recording is None else {_RECORDING: recording})


def shortened(detail: str) -> str:
    """A detail of a few words, whatever a parser says."""
    line = " ".join(detail.split())
    return line if len(line) <= _LONGEST_DETAIL else f"{line[:_LONGEST_DETAIL]}..."
