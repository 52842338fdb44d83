"""Motion: recordings of accelerometers, gyroscopes and the like in CSV, Parquet and JSON files, and strokes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from components.sensor_example_gen.sources.anomaly import Anomaly, Found, UnusableRecord
from components.sensor_example_gen.sources.file_records import (
    PATH_COLUMN,
    FileSection,
    fingerprint_files,
    list_files,
    open_record,
)
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.motion_files.opened import SUFFIXES, opened
from components.sensor_example_gen.sources.motion_files.rows import MotionFile, Rows, Runs, TimeUnit, Wanted
from components.sensor_example_gen.sources.motion_files.sound import sound_rows
from components.sensor_example_gen.sources.name_pattern import NamePattern
from components.sensor_example_gen.sources.places import local_file
from components.sensor_example_gen.sources.recordings_in_files import joined, with_fields
from components.sensor_example_gen.sources.resampling import Part, Windowing, resampled, timed, windows
from components.sensor_example_gen.sources.source import Sample
from components.sensor_example_gen.sources.strokes import rasterised, whole_points
from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import file_sha256

_MOST_STEPS: Final = 1 << 16
_MOST_POINTS: Final = 1 << 20
_AXES: Final = 2
_SHOWN: Final = 3


class MotionSection(FileSection):
    """Recordings, a file each or many in a file, and the windows or pictures that samples are.

    `source` is a folder, a manifest, or one file. A `label`, `target`, `group` or `splits.field` that neither the names
    nor the manifest have is looked for in the files.
    """

    kind: Literal["motion"] = "motion"
    # Columns of a sample, in their order. None: those of numbers in the first file, but for what has another meaning.
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    time: str | None = None  # Column with the time of a row.
    time_unit: TimeUnit = "s"  # What it counts; `timestamp` is ISO 8601, as are a Parquet file's own timestamps.
    recorded_rate: PositiveFloat | None = None  # Rows a second, where no column says the time; None for `rate`.
    rate: PositiveFloat | None = None  # Steps a second of a sample.
    window: PositiveFloat | None = None  # Seconds.
    hop: PositiveFloat | None = None  # Seconds from a window's beginning to the next one's; None for `window`.
    # Where a file has many recordings: of CSV and Parquet the column that tells them apart, of JSON the field with the
    # list of them.
    recording: str | None = None
    raster: Annotated[int, Field(ge=8, le=256)] | None = None  # Pixels of a side: each stroke becomes a picture.
    resolution: PositiveFloat | None = None  # Units to a step of the sensor that gives the stroke's points.

    @model_validator(mode="after")
    def _has_fields(self) -> MotionSection:
        """What names do not say, files may."""
        return self

    @model_validator(mode="after")
    def _one_shape(self) -> MotionSection:
        windowed = [name for name in ("rate", "window") if getattr(self, name) is not None]
        if self.raster is None and len(windowed) < len(("rate", "window")):
            raise ValueError("give rate and window, or raster for strokes")
        if self.raster is not None and (windowed or self.hop or self.time or self.recorded_rate):
            raise ValueError("raster makes one picture of a stroke, whatever its time; leave rate, window and time out")
        if self.raster is None and self.resolution is not None:
            raise ValueError("resolution is that of the points that raster draws; of windows, features has it")
        if self.raster is not None and self.columns is not None and len(self.columns) != _AXES:
            raise ValueError(f"raster draws two columns, x and y; columns has {len(self.columns)}")
        if self.time is not None and self.recorded_rate is not None:
            raise ValueError("time and recorded_rate both say when a row was; give one of them")
        if self.columns is not None and len(set(self.columns)) != len(self.columns):
            raise ValueError("columns names a column twice")
        if self.raster is None and not 1 <= self.windowing.steps <= _MOST_STEPS:
            raise ValueError(f"window has {self.windowing.steps} steps at that rate; 1 to {_MOST_STEPS} are taken")
        return self

    @property
    def windowing(self) -> Windowing:
        """How windows are made; only without `raster`."""
        assert self.rate is not None
        assert self.window is not None
        steps = round(self.rate * self.window)
        hop = steps if self.hop is None else max(1, round(self.rate * self.hop))
        return Windowing(self.rate, steps, hop)

    @property
    def fields(self) -> tuple[str, ...]:
        """What is to be known of each recording."""
        wanted = (self.label if self.classes else None, self.target, self.group, self.splits.field)
        return tuple(dict.fromkeys(name for name in wanted if name is not None))


class MotionSource:
    """A sample is a window, float32, shape ``(steps, columns)``; or a picture of a stroke, uint8, ``(side, side, 1)``.

    `resampling.resampled` says how recordings get one rate, `resampling.windows` how windows are cut and filled up,
    `strokes.rasterised` how strokes are drawn. Records are best read in the order of the list: what is open, or decoded
    already, is then used again.
    """

    Section = MotionSection

    def __init__(self, section: MotionSection, place: str) -> None:
        self._section = section
        self._place = place
        self._open: tuple[str, MotionFile, ExitStack] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Steps and columns, or the sides of a picture and 1."""
        raster = self._section.raster
        return (self._section.windowing.steps, len(self._columns)) if raster is None else (raster, raster, 1)

    # What is in the list.

    @cached_property
    def _is_one_file(self) -> bool:
        suffix = PurePosixPath(self._place).suffix.lower()
        return suffix in SUFFIXES and (suffix != ".csv" or not self._is_manifest())

    def _is_manifest(self) -> bool:
        with local_file(self._place) as path, closing(opened(path, self._place, None)) as file:
            return PATH_COLUMN in file.columns()

    @cached_property
    def _outside(self) -> frozenset[str]:
        """Fields that names or manifest say, and not the files."""
        if self._is_one_file:
            return frozenset()
        is_manifest = self._place.endswith(".csv")
        return frozenset(self._section.fields if is_manifest else NamePattern(self._section.names).fields)

    @cached_property
    def _inside(self) -> tuple[str, ...]:
        return tuple(field for field in self._section.fields if field not in self._outside)

    @cached_property
    def _files(self) -> Listing:
        if self._is_one_file:
            return Listing(rows=np.arange(1), labels=None, names=(PurePosixPath(self._place).name,))
        return list_files(_without(self._section, self._inside), self._place, SUFFIXES)

    @property
    def sound_rate(self) -> int | None:
        """None: nothing is heard."""
        return None

    def listing(self) -> Listing:
        """All recordings, by file and then in the order of the file.

        Where a file has many, it is read here, but only the columns that tell them apart.
        """
        return replace(self._recordings(), one_sample_each=self._section.raster is not None)

    def _recordings(self) -> Listing:
        if not self._inside and self._section.recording is None:
            return self._files
        listing = joined([self._in_file(index) for index in range(len(self._files))])
        if not len(listing):
            examples = "; ".join(f"{one.record}: {one.anomaly.value}, {one.detail}" for one in listing.found[:_SHOWN])
            raise TinyopsError(
                f"{self._place} has no recording that can be used: {examples}",
                remedy="correct data.recording, the names of columns, data.classes or the files",
            )
        return replace(listing, found=(*self._files.found, *listing.found), ignored=self._files.ignored)

    def _in_file(self, index: int) -> Listing:
        name = self._files.name(index)
        lost: list[Found] = []
        try:
            runs = self._file(name).runs(self._inside, self._section.recording)
        except UnusableRecord as error:
            runs = Runs(np.empty((0, 2), np.int64), dict.fromkeys(self._inside, np.empty(0, "U1")))
            lost = [Found(name, error.anomaly, error.detail)]
        names = tuple(f"{name}#{number}" for number in range(len(runs.spans)))
        whole = self._files.take(np.full(len(names), index))
        listing = replace(whole, rows=np.arange(len(names)), names=names, spans=runs.spans)
        return with_fields(listing, runs.fields, self._section).with_found(lost)

    # What is in a file.

    def _file(self, name: str) -> MotionFile:
        """The open file, kept until another is wanted."""
        if self._open is not None and self._open[0] == name:
            return self._open[1]
        if self._open is not None:
            self._open[2].close()
            self._open = None
        with ExitStack() as stack:
            place = local_file(self._place) if self._is_one_file else open_record(self._place, name)
            file = opened(stack.enter_context(place), name, self._section.recording)
            stack.enter_context(closing(file))
            self._open = (name, file, stack.pop_all())
        return file

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """Of the section; else of the first file that shows some."""
        if self._section.columns is not None:
            return tuple(self._section.columns)
        section = self._section
        other = {*section.fields, section.time, section.recording}
        columns: tuple[str, ...] = ()
        for index in range(len(self._files)):
            try:
                columns = tuple(c for c in self._file(self._files.name(index)).numeric() if c not in other)
            except UnusableRecord:
                continue  # It is found when it is read.
            if columns:
                break
        if not columns or (section.raster is not None and len(columns) != _AXES):
            raise TinyopsError(
                f"{self._place} has {len(columns)} columns of numbers that may be a sample's: {', '.join(columns)}",
                remedy=f"name {'two' if section.raster else 'them'} in data.columns",
            )
        return columns

    def samples(self, listing: Listing, index: int) -> Iterator[Sample]:
        """The windows of a recording, or the picture of a stroke."""
        name = listing.name(index)
        span = None if listing.spans is None else (int(listing.spans[index][0]), int(listing.spans[index][1]))
        file = self._file(name if span is None else name.rpartition("#")[0])
        wanted = Wanted(self._columns, self._section.time, self._section.time_unit)
        blocks = sound_rows(file, wanted, span)
        if self._section.raster is not None:
            yield self._picture(blocks, self._section.raster)
            return
        for window, is_short in windows(self._parts(blocks), self._section.windowing):
            is_silent = (window == window[0]).all()
            flags = ((Anomaly.TOO_SHORT, is_short), (Anomaly.SILENT, is_silent))
            yield Sample(window, tuple(anomaly for anomaly, is_so in flags if is_so))

    def _parts(self, blocks: Iterable[Rows]) -> Iterator[Part]:
        section, windowing = self._section, self._section.windowing
        recorded = section.recorded_rate or windowing.rate
        if section.time is not None:
            return resampled(blocks, windowing.rate, gap=windowing.steps / windowing.rate)
        if recorded == windowing.rate:
            return ((number == 0, rows.values) for number, rows in enumerate(blocks))
        return resampled(timed(blocks, recorded), windowing.rate, gap=np.inf)

    def _picture(self, blocks: Iterable[Rows], size: int) -> Sample:
        points = np.concatenate([rows.values for rows in blocks])
        if len(points) > _MOST_POINTS:
            raise UnusableRecord(Anomaly.TOO_LARGE, f"a stroke of {len(points):,} points")
        whole = whole_points(points, self._section.resolution)
        if np.abs(whole).max() > np.iinfo(np.int16).max:
            raise UnusableRecord(Anomaly.TOO_LARGE, "points beyond int16; is data.resolution right?")
        return Sample(rasterised(whole, size), (Anomaly.SILENT,) if (whole == whole[0]).all() else ())

    # What is said of it.

    def fingerprint(self) -> str:
        """Of the files' names, sizes and times of change; of one file its SHA-256."""
        if not self._is_one_file:
            return fingerprint_files(_without(self._section, self._inside), self._place, SUFFIXES)
        with local_file(self._place) as path:
            return file_sha256(path)

    def describe(self, listing: Listing) -> Mapping[str, str | int | float]:
        """Rate, window and hop, or the picture, and how they are made."""
        del listing
        section = self._section
        columns = ", ".join(self._columns)
        if section.raster is not None:
            return {"columns": columns, "picture": f"{section.raster} x {section.raster} pixels, drawn with integers"}
        windowing = section.windowing
        said: dict[str, str | int | float] = {
            "columns": columns,
            "rate": f"{windowing.rate:g} Hz",
            "window": f"{windowing.steps} steps, {windowing.steps / windowing.rate:g} s; shorter: the last repeated",
            "hop": f"{windowing.hop} steps, {windowing.hop / windowing.rate:g} s",
        }
        if section.time is not None or section.recorded_rate not in (None, windowing.rate):
            said["resampled"] = "straight lines; the mean over a step of 1.5 rows or more"
        return said


def _without(section: MotionSection, fields: tuple[str, ...]) -> MotionSection:
    """A section that does not ask names for what the files say."""
    dropped: dict[str, Any] = {}
    for role in ("label", "target", "group"):
        if getattr(section, role) in fields or (role == "label" and section.classes is None):
            dropped[role] = None
    if section.splits.field in fields:
        dropped["splits"] = section.splits.model_copy(update={"field": None})
    return section.model_copy(update=dropped)


SOURCE = MotionSource
