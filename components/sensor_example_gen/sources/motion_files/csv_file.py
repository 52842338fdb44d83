"""Recordings in CSV: UTF-8, with commas, semicolons or tabs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

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

_BLOCK: Final = 1 << 21
"""Bytes that are parsed at once: the most that a line may have."""
_HEAD: Final = 1 << 16
_MARK: Final = b"\xef\xbb\xbf"
_NEWLINE: Final = ord("\n")


@dataclass(frozen=True)
class _Dialect:
    names: tuple[str, ...]
    delimiter: str
    decimal: str
    begin: int  # Byte where the first row begins.


class CsvFile:
    """Counted in bytes. Where the first line has numbers only, columns are called by their number, from 0."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close it."""
        self._file.close()

    @cached_property
    def _dialect(self) -> _Dialect:
        self._file.seek(0)
        return _dialect(self._file.read(_HEAD))

    def columns(self) -> list[str]:
        """Of the first line."""
        return list(self._dialect.names)

    def numeric(self) -> list[str]:
        """Columns with a number, or nothing, in the first row: what is wrong further on is not to hide a column."""
        dialect = self._dialect
        block = next(_lines(self._file, dialect.begin, self._size), b"").lstrip()
        table = _parsed(block.partition(b"\n")[0], dialect, {}, list(dialect.names))
        return [
            field.name for field in table.schema if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        ]

    def runs(self, fields: Sequence[str], recording: str | None) -> Runs:
        """See `MotionFile`."""
        keys = key_columns(fields, recording)
        require_columns(keys.values(), self._dialect.names)
        return runs_of(self._keys(keys), fields, self._size)

    def _keys(self, keys: Mapping[str, str]) -> Iterator[tuple[pa.Table, Array]]:
        dialect, types = self._dialect, dict.fromkeys(keys.values(), pa.string())
        begin = dialect.begin
        for block in _lines(self._file, dialect.begin, self._size):
            table = _parsed(block, dialect, types, list(types))
            places = _line_starts(block)
            if len(places) != table.num_rows:
                raise UnusableRecord(Anomaly.CORRUPT, "a value has a line break in it")
            if len(places):
                named = pa.table([table[column] for column in keys.values()], names=list(keys))
                yield text_columns(named), places + begin
            begin += len(block)

    def rows(self, wanted: Wanted, span: tuple[int, int] | None) -> Iterator[Rows]:
        """See `MotionFile`."""
        dialect = self._dialect
        require_columns(wanted.all, dialect.names)
        types = dict.fromkeys(wanted.columns, pa.float64())
        if wanted.time is not None:
            types[wanted.time] = pa.string() if wanted.unit == "timestamp" else pa.float64()
        for block in _lines(self._file, *(span or (dialect.begin, self._size))):
            table = _parsed(block, dialect, types, wanted.all)
            if not table.num_rows:
                continue
            try:
                yield rows_of(table, wanted)
            except pa.ArrowException as error:
                raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error))) from None


def _dialect(head: bytes) -> _Dialect:
    if head.startswith((b"PK", b"PAR1", b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
        raise UnusableRecord(Anomaly.WRONG_FORMAT, "is no CSV in UTF-8")
    begin = len(_MARK) if head.startswith(_MARK) else 0
    lines = head[begin:].splitlines(keepends=True)
    blank = next((index for index, line in enumerate(lines) if line.strip()), None)
    if blank is None:
        raise UnusableRecord(Anomaly.EMPTY, "has no line")
    begin += sum(map(len, lines[:blank]))
    header, after = lines[blank], lines[blank + 1] if blank + 1 < len(lines) else b""
    try:
        text = header.decode().strip("\r\n")
    except UnicodeDecodeError:
        raise UnusableRecord(Anomaly.WRONG_FORMAT, "is no CSV in UTF-8") from None
    delimiter = max(",;\t", key=text.count)
    decimal = "," if delimiter != "," and b"," in after else "."
    try:
        names = next(csv.reader([text], delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration) as error:
        raise UnusableRecord(Anomaly.CORRUPT, shortened(f"its first line: {error}")) from None
    if all(_is_number(name.replace(decimal, ".")) for name in names):
        return _Dialect(tuple(map(str, range(len(names)))), delimiter, decimal, begin)
    return _Dialect(tuple(name.strip() for name in names), delimiter, decimal, begin + len(header))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _lines(file: IO[bytes], begin: int, end: int) -> Iterator[bytes]:
    """Whole lines of a part of a file, many at a time."""
    rest = b""
    while begin < end:
        file.seek(begin)
        block = file.read(min(_BLOCK, end - begin))
        if not block:
            break
        begin += len(block)
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield whole + newline
        if len(rest) > _BLOCK:
            raise UnusableRecord(Anomaly.CORRUPT, f"a line has more than {_BLOCK:,} bytes")
    if rest:
        yield rest


def _parsed(block: bytes, dialect: _Dialect, types: Mapping[str, pa.DataType], columns: Sequence[str]) -> pa.Table:
    if not block.strip():
        return pa.table({column: pa.array([], types.get(column, pa.null())) for column in columns})
    read = pa_csv.ReadOptions(column_names=dialect.names, use_threads=False, block_size=2 * _BLOCK)
    convert = pa_csv.ConvertOptions(
        include_columns=list(dict.fromkeys(columns)), column_types=types, decimal_point=dialect.decimal
    )
    try:
        # Not by `read_csv`, which looks through all that Python holds, each time, for who refers to its caller.
        with pa_csv.open_csv(
            pa.BufferReader(block), read, pa_csv.ParseOptions(delimiter=dialect.delimiter), convert
        ) as reader:
            return reader.read_all()
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise UnusableRecord(Anomaly.CORRUPT, shortened(str(error))) from None


def _line_starts(block: bytes) -> Array:
    """Where lines begin that are not empty; int64, shape ``(lines,)``."""
    contents = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(contents == _NEWLINE)
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts
    is_return = contents[np.minimum(starts, len(block) - 1)] == ord("\r")
    return np.compress((lengths > 1) | ((lengths == 1) & ~is_return), starts)
