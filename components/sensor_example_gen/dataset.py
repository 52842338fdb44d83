"""The summary of a data set that is stored beside its splits. Needs neither Beam nor TensorFlow."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from components.artifact_files import DAMAGED_ARTIFACT
from components.sensor_example_gen.quality import Marks, Repeats, Scale, find_repeats, scale_of
from components.sensor_example_gen.reading import RecordFacts
from components.sensor_example_gen.sources.anomaly import Anomaly, Found
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.splits import TRAIN
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_json
from edge_deployer.tensors import Array

SUMMARY_FILE = "dataset.json"

_NAMED = 100
"""Records that are named for each anomaly; all are counted."""


@dataclass(frozen=True)
class AnomalySummary:
    """The records that have one anomaly."""

    count: int
    records: dict[str, str]  # Detail by name, of the first `_NAMED` in the order of the list.


@dataclass(frozen=True)
class DatasetSummary:
    """What lineage and report say about the data; stored as `SUMMARY_FILE` beside the splits."""

    sha256: str  # Hex digest of the samples; of arrays, that of the file.
    shape: tuple[int, ...]  # Of the features of one sample.
    class_counts: dict[str, list[int]]  # For each split, samples of each class; empty lists where there are none.
    group_counts: dict[str, int]  # For each split, number of groups; empty where the data has no groups.
    repeats: Repeats = field(default_factory=Repeats)  # Records that occur more than once.
    scales: dict[str, Scale] = field(default_factory=dict)  # For each split, where the values of its features lie.
    # The same for the training split of the data that the run before took; None where that is not known, or was this
    # data.
    earlier_scale: Scale | None = None
    sizes: dict[str, int] = field(default_factory=dict)  # For each split, number of samples.
    records: int = 0  # In the whole source, those included of which no sample could be made.
    anomalies: dict[str, AnomalySummary] = field(default_factory=dict)  # By the value of `Anomaly`.
    ignored: tuple[str, ...] = ()  # The first files that are of no kind that the source reads.
    described: dict[str, Any] = field(default_factory=dict)  # What was done to the recordings.

    @property
    def split_sizes(self) -> dict[str, int]:
        """Number of samples in each split."""
        return self.sizes or {split: sum(counts) for split, counts in self.class_counts.items()}

    def beside(self, earlier: Scale) -> DatasetSummary:
        """The same, with where the values of the run before lay."""
        return replace(self, earlier_scale=earlier)

    def to_json(self) -> str:
        """For the file that `read` reads."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def read(cls, path: Path) -> DatasetSummary:
        """What `to_json` gave, from the file that it was written to; an earlier version looked for less.

        Raises:
            TinyopsError: the file cannot be read, or holds something else.
        """
        fields = read_json(path, f"summary of the data {path}", remedy=DAMAGED_ARTIFACT)
        try:
            earlier = fields.get("earlier_scale")
            return cls(
                sha256=fields["sha256"],
                shape=tuple(fields["shape"]),
                class_counts=fields["class_counts"],
                group_counts=fields["group_counts"],
                repeats=Repeats(**fields.get("repeats", {})),
                scales={split: Scale(**scale) for split, scale in fields.get("scales", {}).items()},
                earlier_scale=Scale(**earlier) if earlier else None,
                sizes=fields.get("sizes", {}),
                records=fields.get("records", 0),
                anomalies={name: AnomalySummary(**found) for name, found in fields.get("anomalies", {}).items()},
                ignored=tuple(fields.get("ignored", ())),
                described=fields.get("described", {}),
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise TinyopsError(f"{path} is no summary of the data: {error!r}", remedy=DAMAGED_ARTIFACT) from error


@dataclass(frozen=True)
class ReadRecords:
    """What reading has shown, in columns: one entry for each record of a list, in its order."""

    samples: Array  # int64, shape ``(n,)``.
    digests: Array  # Hex digests as bytes, shape ``(n,)``; empty where there are no samples.
    # float64, shape ``(n,)``: sum of the values of its features, and of their squares; None where none were made.
    totals: Array | None
    squares: Array | None
    found: tuple[Found, ...] = ()

    @classmethod
    def unread(cls, listing: Listing) -> ReadRecords:
        """What the list alone shows, where each record makes one sample."""
        count = len(listing)
        keys = [b""] * count if listing.keys is None else [key.tobytes().hex().encode() for key in listing.keys]
        return cls(np.ones(count, np.int64), np.array(keys), None, None)

    @classmethod
    def of(cls, listing: Listing, facts: Iterable[RecordFacts]) -> ReadRecords:
        """Put in order what workers found, in whatever order it comes."""
        count = len(listing)
        samples, digests = np.zeros(count, np.int64), np.zeros(count, "S32")
        totals, squares = np.zeros(count), np.zeros(count)
        found: dict[int, list[Found]] = defaultdict(list)
        for fact in facts:
            place = int(np.searchsorted(listing.rows, fact.row))
            samples[place], totals[place], squares[place] = fact.samples, fact.total, fact.squares
            digests[place] = fact.digest.encode()
            for anomaly, detail in fact.found.items():
                found[place].append(Found(listing.name(place), anomaly, detail))
        return cls(samples, digests, totals, squares, tuple(one for place in sorted(found) for one in found[place]))


def summarise(
    listing: Listing,
    splits: Mapping[str, Array],
    read: ReadRecords,
    *,
    shape: tuple[int, ...],
    classes: int,
    sha256: str | None = None,
    described: Mapping[str, Any] | None = None,
) -> DatasetSummary:
    """Counts and figures of each split, the training split first.

    Args:
        listing: the records.
        splits: for each split the places of its records.
        read: what reading them has shown.
        shape: of the features of one sample.
        classes: number of classes; 0 for a regression.
        sha256: hex digest of the source's file; None: that of the samples is taken.
        described: what was done to the recordings.
    """
    trains = np.zeros(len(listing), np.bool_)
    trains[splits[TRAIN]] = True
    marks = find_repeats(read.digests, listing.labels, trains)
    found = [*listing.found, *read.found, *_repeated(listing, marks)]
    size = int(np.prod(shape))
    sizes = {split: int(read.samples[places].sum()) for split, places in splits.items()}
    return DatasetSummary(
        sha256=sha256 or _digest(read),
        shape=shape,
        class_counts={split: _class_counts(listing, read, places, classes) for split, places in splits.items()},
        group_counts={}
        if listing.groups is None
        else {split: len(np.unique(listing.groups[places])) for split, places in splits.items()},
        repeats=marks.counts,
        scales=_scales(read, splits, size),
        sizes=sizes,
        records=len(listing) + len({one.record for one in listing.found}),
        anomalies=count_anomalies(found),
        ignored=listing.ignored[:_NAMED],
        described=dict(described or {}),
    )


def _scales(read: ReadRecords, splits: Mapping[str, Array], size: int) -> dict[str, Scale]:
    """Where the values of each split lie, a sample having so many."""
    scales = {}
    for split, places in splits.items():
        count = size * int(read.samples[places].sum())
        if read.totals is not None and read.squares is not None and count:
            scales[split] = scale_of(count, float(read.totals[places].sum()), float(read.squares[places].sum()))
    return scales


def _repeated(listing: Listing, marks: Marks) -> Iterable[Found]:
    """Repeats as anomalies, each with the record that stands before it."""
    for place in np.flatnonzero(marks.repeated | marks.conflicting).tolist():
        first = f"equals {listing.name(marks.first[place])}" if marks.repeated[place] else ""
        yield Found(listing.name(place), Anomaly.CONFLICTING if marks.conflicting[place] else Anomaly.DUPLICATE, first)


def count_anomalies(found: Iterable[Found]) -> dict[str, AnomalySummary]:
    """How many records have each anomaly, by the value of `Anomaly`, and the names of the first."""
    counts: Counter[Anomaly] = Counter()
    named: dict[Anomaly, dict[str, str]] = defaultdict(dict)
    for one in found:
        counts[one.anomaly] += 1
        if len(named[one.anomaly]) < _NAMED:
            named[one.anomaly][one.record] = one.detail
    return {anomaly.value: AnomalySummary(counts[anomaly], named[anomaly]) for anomaly in Anomaly if counts[anomaly]}


def _digest(read: ReadRecords) -> str:
    return hashlib.sha256(read.digests.tobytes()).hexdigest()


def _class_counts(listing: Listing, read: ReadRecords, places: Array, classes: int) -> list[int]:
    if listing.labels is None:
        return []
    counts = np.bincount(listing.labels[places], weights=read.samples[places], minlength=classes)
    return [int(count) for count in counts]
