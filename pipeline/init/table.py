"""One file of motion: which columns are the sample's, which has the time, which tell recordings apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from components.sensor_example_gen.sources.anomaly import UnusableRecord
from components.sensor_example_gen.sources.motion_files.opened import opened
from components.sensor_example_gen.sources.motion_files.rows import MotionFile, Rows, TimeUnit, Wanted
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_json
from edge_deployer.tensors import Array
from pipeline.init.names import says_split
from pipeline.init.proposal import MOST_CLASSES
from pipeline.init.roles import called, role_of, unit_said

_MOST_ROWS: Final = 1 << 18
_MOST_COUNTED: Final = 50
"""Recordings of a file whose rows are counted."""
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "timestamp": 1.0}
_LIKELY_HZ: Final = (4.0, 4000.0)
"""Rates of sensors that people carry or bolt on: by these a time's unit is told where its name says none."""
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Table:
    """What the columns of a file mean."""

    columns: tuple[str, ...]  # Of a sample.
    recording: str | None  # Column, or field of JSON with the list of recordings.
    label: str | None
    group: str | None
    split: str | None
    split_values: tuple[str, ...]
    time: str | None
    unit: TimeUnit
    rate: float | None  # Rows a second; None where nothing says it.
    is_strokes: bool  # Whether rows are points in a plane.


def read_table(path: Path, *, label_outside: bool) -> Table:
    """Look at a file.

    Args:
        path: of a CSV, Parquet or JSON file.
        label_outside: whether names or a manifest say the label already.

    Raises:
        UnusableRecord: it is damaged, or another file than its name says.
        TinyopsError: it cannot be read, or has nothing that can be a sample.
    """
    recording = _list_of_recordings(path)
    with closing(opened(path, path.name, recording)) as file:
        return _Look(path, file, recording, label_outside=label_outside).table()


class _Look:
    """An open file, and what has been found in it."""

    def __init__(self, path: Path, file: MotionFile, recording: str | None, *, label_outside: bool) -> None:
        self._path, self._file, self._list = path, file, recording
        self._label_outside = label_outside
        self._names = file.columns()
        self._fields = _fields_of_recordings(path, recording) if path.suffix.lower() == ".json" else self._names

    def table(self) -> Table:
        """See `Table`."""
        file_columns = [name for name in self._fields if _IDENTIFIER.fullmatch(name)]
        numeric = [name for name in self._numeric if self._names.count(name) == 1]
        texts = {} if self._label_outside else self._texts(file_columns)
        split = next((name for name in file_columns if says_split(texts.get(name, ()))), None)
        group = called("group", [name for name in texts if name != split])
        axes = self._axes()
        label = None
        if not self._label_outside:
            label = self._label([name for name in file_columns if name not in axes], numeric, texts, {split, group})
        time = self._time(numeric)
        recording = self._list or self._recording([name for name in (label, group, split) if name is not None])
        meant = {label, group, split, time, recording}
        columns = self._moving(
            [
                name
                for name in numeric
                if name in axes or (name not in meant and role_of(name) not in ("counter", "time", "label"))
            ]
        )
        if not columns:
            raise TinyopsError(
                f"{self._path} has no column of numbers that change: {', '.join(self._names) or 'none'}",
                remedy="write a row for each instant, with a column for each axis of the sensor",
            )
        unit, rate = ("s", None) if time is None else self._rate(columns, time)
        return Table(
            columns=tuple(columns),
            recording=recording,
            label=label,
            group=group,
            split=split,
            split_values=() if split is None else tuple(sorted(set(texts[split]))),
            time=time,
            unit=unit,
            rate=rate,
            is_strokes=self._are_points(columns, time),
        )

    def _recording(self, fields: list[str]) -> str | None:
        """A column that tells recordings apart, if the rows of each stand together."""
        name = called("recording", [name for name in self._names if name not in fields])
        if name is None or self._label_outside:
            return None
        try:
            self._file.runs(fields, name)
        except UnusableRecord:
            return None
        return name

    def _axes(self) -> set[str]:
        """Of a plane or of space: beside an x, y is no label."""
        axes = {name for name in self._names if name.lower() in ("x", "y", "z")}
        return axes if "x" in {name.lower() for name in axes} else set()

    def _are_points(self, columns: Sequence[str], time: str | None) -> bool:
        """Points in a plane: in JSON whatever their time, elsewhere where they have none."""
        plane = sorted(name.lower() for name in columns) == ["x", "y"]
        return plane and (time is None or self._path.suffix.lower() == ".json")

    def _texts(self, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Of columns that may tell recordings apart, what they say of each run of equal rows."""
        told = {}
        for name in columns:
            if role_of(name) in ("counter", "time"):
                continue
            if role_of(name) is None and name in self._numeric:
                continue
            try:
                runs = self._file.runs((name,), self._list)
            except UnusableRecord:
                continue
            told[name] = tuple(runs.fields[name].tolist())
        return told

    def _label(
        self, columns: Sequence[str], numeric: Sequence[str], texts: dict[str, tuple[str, ...]], other: set[str | None]
    ) -> str | None:
        free = [name for name in columns if name not in other and name in texts]
        by_name = called("label", free)
        if by_name is not None:
            return by_name
        words = [name for name in free if name not in numeric and role_of(name) is None]
        return next((name for name in words if 2 <= len(set(texts[name])) <= MOST_CLASSES), None)

    def _time(self, numeric: Sequence[str]) -> str | None:
        named = [name for name in self._names if role_of(name) == "time"]
        if named:
            return called("time", named)
        for name in numeric:
            if role_of(name) is None and _is_clock(self._values([name])[:, 0]):
                return name
        return None

    def _moving(self, columns: Sequence[str]) -> list[str]:
        """Those that are not one value throughout, nor count rows."""
        if not columns:
            return []
        values = self._values(columns)
        return [
            name
            for name, column in zip(columns, values.T, strict=True)
            if np.nanmin(column) < np.nanmax(column) and not _counts_rows(column)
        ]

    @cached_property
    def _numeric(self) -> list[str]:
        return self._file.numeric()

    @cached_property
    def _rows(self) -> dict[str, Array]:
        """Of each column of numbers the values of some rows, float64."""
        names = [name for name in self._numeric if self._names.count(name) == 1]
        return dict(zip(names, self._read(Wanted(tuple(names)))[0].T, strict=True)) if names else {}

    def _values(self, columns: Sequence[str]) -> Array:
        """Some of the file's rows, float64, shape ``(rows, columns)``."""
        return np.stack([self._rows[name] for name in columns], axis=1)

    def _read(self, wanted: Wanted) -> tuple[Array, Array]:
        """Values and times of the first rows, some hundred thousand."""
        values: list[Array] = []
        times: list[Array] = []
        for rows in self._blocks(wanted):
            values.append(rows.values)
            times.append(np.empty(0) if rows.times is None else rows.times)
            if sum(map(len, values)) > _MOST_ROWS:
                break
        return np.concatenate(values), np.concatenate(times)

    def _blocks(self, wanted: Wanted) -> Iterator[Rows]:
        if self._list is None:
            yield from self._file.rows(wanted, None)
            return
        for begin, end in self._file.runs((), self._list).spans.tolist():
            yield from self._file.rows(wanted, (begin, end))

    def _rate(self, columns: Sequence[str], time: str) -> tuple[TimeUnit, float | None]:
        is_text = time not in self._numeric
        said: TimeUnit = "timestamp" if is_text else "s"
        try:
            times = self._read(Wanted(tuple(columns[:1]), time, said))[1] if is_text else self._rows[time]
        except UnusableRecord:  # Whatever it is called, it is no time.
            return said, None
        steps = np.diff(times)
        steps = steps[steps > 0]
        if not len(steps):
            return said, None
        step = float(np.median(steps))
        unit = said if is_text else _unit(time, step)
        return unit, nice_rate(1 / (step * _SECONDS[unit]))


def labels_in(path: Path, table: Table) -> tuple[str, ...]:
    """What the label's column says of each recording of a file that is like another.

    Raises:
        UnusableRecord: it is damaged, or has no such column.
    """
    assert table.label is not None
    is_json = path.suffix.lower() == ".json"
    with closing(opened(path, path.name, table.recording if is_json else None)) as file:
        return tuple(file.runs((table.label,), table.recording).fields[table.label].tolist())


def row_counts(path: Path, table: Table) -> list[int]:
    """Rows of the first recordings of a file.

    Raises:
        UnusableRecord: it is damaged.
    """
    fields = [name for name in (table.label, table.group, table.split) if name is not None]
    with closing(opened(path, path.name, table.recording if path.suffix.lower() == ".json" else None)) as file:
        spans: list[Any] = [None]
        if fields or table.recording is not None:
            spans = [tuple(span) for span in file.runs(fields, table.recording).spans.tolist()]
        wanted = Wanted(table.columns[:1])
        return [sum(len(rows.values) for rows in file.rows(wanted, span)) for span in spans[:_MOST_COUNTED]]


def _is_clock(values: Array) -> bool:
    """Whether values rise in steps that are about equal, and no step is that of a count of rows."""
    steps = np.diff(values[: 1 << 12])
    if len(steps) < 8 or _counts_rows(values):
        return False
    # Where a recording ends the time may begin anew.
    rising = steps[steps > 0]
    middle = float(np.median(rising)) if len(rising) else 0.0
    return len(rising) > 0.9 * len(steps) and bool((abs(rising - middle) <= 0.25 * middle).mean() > 0.9)


def _counts_rows(values: Array) -> bool:
    steps = np.diff(values)
    return len(steps) > 8 and bool((steps == 1).mean() > 0.9)


def _unit(name: str, step: float) -> TimeUnit:
    """By the time's name; else the one by which the rate is a sensor's."""
    said = unit_said(name)
    if said is not None:
        return said
    low, high = _LIKELY_HZ
    units: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")
    return next((unit for unit in units if low <= 1 / (step * _SECONDS[unit]) <= high), "s")


def nice_rate(rate: float) -> float:
    """A rate as its sensor's data sheet has it, where it is within 3 % of a round figure."""
    unit = 10.0 ** np.floor(np.log10(rate))
    round_figures = [figure * unit for figure in (1, 1.25, 2, 2.5, 3, 4, 5, 6, 6.25, 8, 10)]
    nearest = min(round_figures, key=lambda figure: abs(figure - rate))
    if abs(nearest - rate) <= 0.03 * rate:
        return float(f"{nearest:.6g}")
    return float(f"{rate:.3g}")


def _list_of_recordings(path: Path) -> str | None:
    """Of JSON: the field with the list of recordings, where the file has many."""
    if path.suffix.lower() != ".json":
        return None
    contents = read_json(path, f"recording {path}")
    if not isinstance(contents, dict):
        return None
    return next((name for name, value in contents.items() if _are_recordings(value)), None)


def _are_recordings(value: Any) -> bool:
    """A list of objects, each of which has a list of rows or columns that are lists."""
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        return False
    return all(any(isinstance(field, list) for field in each.values()) for each in islice(value, 8))


def _fields_of_recordings(path: Path, recording: str | None) -> list[str]:
    """Of JSON: what a recording says of itself besides its rows."""
    contents = read_json(path, f"recording {path}")
    first = contents[recording][0] if recording is not None else contents
    if not isinstance(first, dict):
        return []
    return [name for name, value in first.items() if isinstance(value, str | int | float)]
