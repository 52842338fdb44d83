"""Recordings of motion: columns, time, rate and window; strokes become pictures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np

from components.sensor_example_gen.sources.anomaly import UnusableRecord
from components.sensor_example_gen.sources.motion_files.opened import SUFFIXES
from edge_deployer.errors import TinyopsError
from pipeline.init.folder import records_in, require_there
from pipeline.init.labelled import GROUP_NAMES, class_choice, labelled_files, no_label, some_of, split_choice
from pipeline.init.manifest import is_manifest, manifest_in
from pipeline.init.names import classes_of, read_names
from pipeline.init.proposal import Choice, Grouping, Network, Survey
from pipeline.init.roles import role_of
from pipeline.init.table import Table, labels_in, nice_rate, read_table, row_counts

_RASTER: Final = 32
_UNKNOWN_HZ: Final = 50.0
"""Rate that is written down where nothing says one."""
_MOST_OPENED: Final = 20
_STEPS: Final = (16, 512)
"""Fewest and most steps of a window."""
_LONG_WINDOW_S: Final = 2.0
_LONGEST_GESTURE_S: Final = 6.0
"""What most recordings keep below, if each is one movement."""


@dataclass(frozen=True)
class _Files:
    """Some files that can be read, and what their columns mean."""

    paths: tuple[Path, ...]
    tables: tuple[Table, ...]

    @property
    def first(self) -> Table:
        """By which all others are read."""
        return self.tables[0]

    def rate(self) -> float | None:
        """Rows a second: half of the files have more, half have fewer."""
        rates = [table.rate for table in self.tables if table.rate is not None]
        return nice_rate(float(np.median(rates))) if rates else None

    def seconds(self, rate: float) -> list[float]:
        """Lengths of some recordings."""
        found = []
        for path, table in zip(self.paths, self.tables, strict=True):
            with suppress(UnusableRecord):
                found += [rows / (table.rate or rate) for rows in row_counts(path, table)]
        return found


@dataclass(frozen=True)
class _Labels:
    """What says the label, the group and the split."""

    choices: tuple[Choice, ...]
    found: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    split: tuple[Choice, ...] | None
    notices: tuple[str, ...]


def survey(place: Path) -> Survey:
    """Look at names, and at the rows of some files.

    Raises:
        TinyopsError: there is no such place, no recording in it, nothing that says a label, or all is damaged.
    """
    require_there(place)
    paths = [place] if place.is_file() and not is_manifest(place) else []
    if paths and place.suffix.lower() not in SUFFIXES:
        raise TinyopsError(
            f"{place} is no {', '.join(SUFFIXES)} file", remedy="choose the --kind that reads it, or name a folder"
        )
    if not paths and place.is_dir() and manifest_in(place) is None:
        paths = [place / name for name in records_in(place, "motion")]
    if paths and _columns_say(paths, place):
        files = _opened(paths, label_outside=False, most=_MOST_OPENED)
        return _survey(files, _by_columns(place, paths, files.first))
    if place.is_file() and paths:
        raise TinyopsError(
            f"{place} has no column that can be a label", remedy="add a column `label` that says what each row is of"
        )
    named = labelled_files(place, "motion")
    files = _opened([named.folder / name for name in named.names], label_outside=True, most=_MOST_OPENED)
    return _survey(files, _Labels(named.choices, named.found, named.groupings, named.split, named.notices))


def _columns_say(paths: Sequence[Path], place: Path) -> bool:
    """Whether a column is the label: where names may be it, too, one that is called so."""
    label = _opened(paths, label_outside=False, most=1).first.label
    if label is None or role_of(label) == "label" or place.is_file():
        return label is not None
    return read_names([path.relative_to(place).as_posix() for path in paths], GROUP_NAMES["motion"]) is None


def _opened(paths: Sequence[Path], *, label_outside: bool, most: int) -> _Files:
    """Look at some files.

    Raises:
        TinyopsError: none of them can be read.
    """
    read: dict[Path, Table] = {}
    damaged: dict[Path, UnusableRecord] = {}
    for index in np.linspace(0, len(paths) - 1, min(len(paths), most)).astype(int):
        table = _looked_at(paths[index], damaged, label_outside=label_outside)
        if table is not None:
            read[paths[index]] = table
    if not read:
        path, error = next(iter(damaged.items()))
        raise TinyopsError(f"{path}: {error.message}", remedy=error.remedy)
    return _Files(tuple(read), tuple(read.values()))


def _looked_at(path: Path, damaged: dict[Path, UnusableRecord], *, label_outside: bool) -> Table | None:
    try:
        return read_table(path, label_outside=label_outside)
    except UnusableRecord as error:
        damaged[path] = error
        return None


def _by_columns(place: Path, paths: Sequence[Path], first: Table) -> _Labels:
    """What columns, or fields of JSON, say of the recordings of all files."""
    labels: list[str] = []
    for path in paths:
        with suppress(UnusableRecord):
            labels += labels_in(path, first)
    classes, notices = classes_of(labels, f"{place}, column {first.label!r},")
    names = () if place.is_file() else (Choice("names", "*", "names say nothing; columns do"),)
    if len(classes) * 2 > len(labels):
        raise no_label(place, [path.name for path in paths])
    return _Labels(
        choices=(
            *names,
            Choice("label", first.label, "the column that says what a recording is of"),
            class_choice(classes),
        ),
        found=(
            f"{len(paths)} file{'s' if len(paths) > 1 else ''}; column {first.label} has {len(classes)} "
            f"labels: {some_of(classes)}",
        ),
        groupings=Grouping.by(first.group),
        split=None if first.split is None else (split_choice(first.split, first.split_values),),
        notices=tuple(notices),
    )


def _survey(files: _Files, labels: _Labels) -> Survey:
    table = files.first
    recording = () if table.recording is None else (Choice("recording", table.recording, "tells recordings apart"),)
    columns = Choice("columns", list(table.columns), "what a sample has, in this order")
    network: Network = "strokes" if table.is_strokes else "motion"
    if table.is_strokes:
        features = Choice("features", "scale", "pixel - 128, in integers that a board repeats bit for bit")
        shape: tuple[Choice, ...] = (Choice("raster", _RASTER, "pixels of a side: each stroke becomes a picture"),)
        found, notices = "rows are points in a plane: strokes", labels.notices
    else:
        features = None
        shape, found, notices = _windows(files, labels.notices)
    return Survey(
        choices=(*labels.choices, *recording, columns, *shape),
        network=network,
        found=(*labels.found, found),
        groupings=labels.groupings,
        split=labels.split,
        features=features,
        notices=notices,
    )


def _windows(files: _Files, notices: tuple[str, ...]) -> tuple[tuple[Choice, ...], str, tuple[str, ...]]:
    table, told = files.first, files.rate()
    recorded = told or _UNKNOWN_HZ
    seconds = files.seconds(recorded)
    rate, window, is_gesture = _window(recorded, seconds)
    length = "nearly all recordings are no longer" if is_gesture else "recordings are longer and are cut up"
    choices = [
        Choice("rate", _plain(rate), _why_rate(rate, told)),
        Choice("window", _plain(window), f"seconds, {round(rate * window)} steps: {length}"),
    ]
    if not is_gesture:
        choices.append(Choice("hop", _plain(round(rate * window / 2) / rate), "seconds from a window to the next"))
    if told is not None:
        choices.insert(0, Choice("time", table.time, "the column with the time of a row"))
        if table.unit != "s":
            choices.insert(1, Choice("time_unit", table.unit, "what it counts"))
    else:
        notices = (*notices, f"no column says the time: {_UNKNOWN_HZ:g} rows a second are assumed; correct data.rate")
    low, middle, high = np.quantile(seconds, [0, 0.5, 1])
    lengths = f"recordings of {low:.2g} to {high:.3g} s, median {middle:.2g} s"
    found = f"{len(table.columns)} columns at {recorded:g} Hz, {lengths}"
    return tuple(choices), found, notices


def _why_rate(rate: float, told: float | None) -> str:
    if told is None:
        return "Hz; nothing says it, and it only names the steps: correct it"
    return "Hz; the recordings' own, to which all are resampled" if rate == told else f"Hz; recorded at {told:g}"


def _window(rate: float, seconds: Sequence[float]) -> tuple[float, float, bool]:
    """Rate, seconds, and whether a recording is one sample."""
    fewest, most = _STEPS
    longest = float(np.quantile(seconds, 0.95))
    if longest <= _LONGEST_GESTURE_S and longest * rate <= 4 * most:
        while longest * rate > most:
            rate /= 2
        steps = max(fewest, ceil(round(longest * rate, 6)))
        return rate, steps / rate, True
    steps = min(max(2 * fewest, round(_LONG_WINDOW_S * rate)), most, max(fewest, int(min(seconds) * rate)))
    return rate, steps / rate, False


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else float(f"{value:.6g}")
