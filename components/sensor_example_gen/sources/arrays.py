"""Arrays in an `.npz` file, a row per sample: the way of data that has been prepared elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from components.project_section import FeatureName
from components.sensor_example_gen.sources.anomaly import Anomaly, Found
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.places import local_file
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import Sample
from edge_deployer.array_files import release_pages
from edge_deployer.release.labelled_data import (
    DatasetFields,
    LabelledData,
    file_sha256,
    load_dataset,
    require_finite,
)
from edge_deployer.tensors import Array

_VALUES_AT_ONCE = 1 << 20
_ROWS_KEPT = 16
"""Rows that are read before their pages are let go: each may bring two megabytes of its neighbours along."""


class ArraysSection(DataSection):
    """All names are those of the arrays in an `.npz` file.

    `source` is its path, or the word ``digits`` for scikit-learn's bundled handwritten digits.
    """

    kind: Literal["arrays"] = "arrays"
    input: FeatureName  # Array of samples; also the name of the model's input.
    # Shape of a sample. None: the file shows it, but a training module is not told before.
    shape: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _has_no_files(self) -> ArraysSection:
        if self.splits.eval_list is not None:
            raise ValueError("splits.eval_list has names of files, and rows of arrays have none; use splits.field")
        return self


class ArraysSource:
    """Rows of one file. What is stored uncompressed (`numpy.savez`) is mapped into memory, not read."""

    Section = ArraysSection

    def __init__(self, section: ArraysSection, place: str) -> None:
        self._section = section
        self._place = place
        self._open = ExitStack()

    @cached_property
    def _file(self) -> Path:
        return self._open.enter_context(local_file(self._place))

    @cached_property
    def _data(self) -> LabelledData:
        section = self._section
        classes = None if section.classes is None else len(section.classes)
        fields = DatasetFields(
            section.input,
            section.class_field,
            section.group,
            classes,
            section.target,
            section.splits.field,
            tuple(section.classes or ()),
        )
        return load_dataset(self._file, fields, mapped=True)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row."""
        return self._section.shape or self._data.inputs.shape[1:]

    @property
    def sound_rate(self) -> int | None:
        """None: nothing is heard."""
        return None

    def listing(self) -> Listing:
        """All rows. Each is looked at once: its digest decides its split, and it must be finite."""
        data = self._data
        listing = Listing(
            rows=np.arange(len(data)),
            labels=data.labels,
            groups=data.groups,
            targets=data.targets,
            given=None if data.slices is None else self._given(data.slices),
            keys=self._digests(data.inputs),
        )
        return listing if listing.given is None else self._divided(listing, listing.given)

    def _given(self, values: Array) -> Array:
        """The split that the data gives to each row, empty where it gives none."""
        splits, texts = self._section.splits, values.astype(str)
        trains, held_out = np.isin(texts, splits.train_values), np.isin(texts, splits.eval_values)
        return np.where(trains, "train", np.where(held_out, "eval", ""))

    def _divided(self, listing: Listing, given: Array) -> Listing:
        detail = f"{self._section.splits.field} says neither train nor eval"
        found = [Found(f"row {row}", Anomaly.NO_SPLIT, detail) for row in np.flatnonzero(given == "")]
        return listing.take(np.flatnonzero(given != "")).with_found(found)

    def _digests(self, inputs: Array) -> Array:
        digests = np.empty((len(inputs), hashlib.sha256().digest_size), np.uint8)
        step = max(1, _VALUES_AT_ONCE // max(1, inputs[0].size))
        for start in range(0, len(inputs), step):
            block = as_sample(inputs[start : start + step])
            require_finite(block, inputs, self._section.input, self._file, start=start)
            for row, sample in enumerate(block, start):
                digests[row] = np.frombuffer(hashlib.sha256(sample.tobytes()).digest(), np.uint8)
            release_pages(inputs)
        return digests

    def samples(self, listing: Listing, index: int) -> Iterator[Sample]:
        """The row."""
        inputs = self._data.inputs
        # No view of the mapping, whose class makes each operation slower.
        yield Sample(as_sample(np.array(inputs[listing.rows[index]])))
        if index % _ROWS_KEPT == _ROWS_KEPT - 1:
            release_pages(inputs)

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return file_sha256(self._file)

    def describe(self, listing: Listing) -> Mapping[str, str | int | float]:
        """Nothing was done to the rows."""
        del listing
        return {}


def as_sample(values: Array) -> Array:
    """Integers as they are stored, floats as float32: what a row's features and its digest are made of."""
    if values.dtype.kind != "f":
        return values
    # What lies beyond float32's range becomes infinite here, and is reported as not finite.
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


SOURCE = ArraysSource
