"""Lists and divides data, and sees that something can be learnt from it, before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from components.sensor_example_gen.dataset import (
    SUMMARY_FILE,
    AnomalySummary,
    DatasetSummary,
    ReadRecords,
    count_anomalies,
    summarise,
)
from components.sensor_example_gen.features.front_end import FrontEnd
from components.sensor_example_gen.quality import Scale
from components.sensor_example_gen.reading import RecordReader
from components.sensor_example_gen.sources.anomaly import Anomaly
from components.sensor_example_gen.sources.file_records import read_names
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import source_class
from components.sensor_example_gen.splits import EVAL, TRAIN, assign_splits, require_learnable
from edge_deployer.errors import TinyopsError
from edge_deployer.release.front_end import FrontEndFacts, FrontEndRecord, GoldenVectors
from edge_deployer.report import formats
from edge_deployer.report.data_view import data_warnings
from edge_deployer.report.facts import AnomalyFacts, DataFacts, ExampleFacts, ScaleFacts
from edge_deployer.tensors import Array

_GOLDEN: Final = 10
"""Samples that firmware is held against."""


@dataclass(frozen=True)
class DividedData:
    """The records of a source, and which split each belongs to."""

    listing: Listing
    splits: dict[str, Array]  # For each split the places of its records in the list, the training split first.

    @property
    def held_out(self) -> Listing:
        """The records of the evaluation split."""
        return self.listing.take(self.splits[EVAL])


def divide(section: DataSection, place: str) -> DividedData:
    """List a project's data and divide it; no recording is decoded.

    Args:
        section: the project's.
        place: path or URI of the data.

    Raises:
        TinyopsError: there is no such data, it cannot be divided so, there is nothing to learn, or more records than
            the project takes cannot be used.
    """
    listing = source_class(section.kind)(section, place).listing()
    records = len(listing) + len({found.record for found in listing.found})
    _require_few(count_anomalies(listing.found), records, section)
    held_out = None if section.splits.eval_list is None else read_names(place, section.splits.eval_list)
    splits = assign_splits(listing, section, held_out)
    require_learnable(listing, splits, section)
    return DividedData(listing, splits)


def listed_warnings(data: DividedData, section: DataSection) -> list[str]:
    """What is odd about data as far as its list shows, a sentence each."""
    if not data.listing.one_sample_each:
        return []
    classes = section.classes or ()
    read = ReadRecords.unread(data.listing)
    summary = summarise(data.listing, data.splits, read, shape=(), classes=len(classes))
    return data_warnings(data_facts(summary, source="", class_names=classes, group=section.group))


def front_end_facts(front_end: FrontEnd) -> FrontEndFacts:
    """Which front end, and all that firmware must know of it."""
    return FrontEndFacts(
        name=front_end.name,
        version=front_end.version,
        on_board=front_end.on_board,
        parameters=dict(front_end.parameters()),
    )


def front_end_record(reader: RecordReader, data: DividedData) -> FrontEndRecord:
    """What firmware must know of the features, with golden vectors of held-out records where boards compute them."""
    front_end, facts = reader.front_end, front_end_facts(reader.front_end)
    if not front_end.on_board:
        return FrontEndRecord(facts)
    raw = np.stack([values for _, values in islice(reader.first_samples(data.held_out), _GOLDEN)])
    return FrontEndRecord(facts, GoldenVectors(raw, np.stack([front_end.compute(values) for values in raw])))


def require_sound(summary: DatasetSummary, section: DataSection) -> None:
    """Refuse data of which more is wrong than the project takes, or of which nothing is left to learn from.

    Raises:
        TinyopsError: an anomaly has more than its share of the records; or no sample could be made of a split's
            records, or of those of a class that trains while the other split has some.
    """
    _require_few(summary.anomalies, summary.records, section)
    lost = _left_out(summary)
    for split, count in summary.split_sizes.items():
        if not count:
            raise TinyopsError(
                f"no sample can be made of the records of split {split!r}{lost}", remedy="mend or add records"
            )
    counts = list(summary.class_counts.values())
    for index, (trains, in_all) in enumerate(zip(counts[0], map(sum, zip(*counts, strict=True)), strict=True)):
        if in_all and not trains:
            assert section.classes is not None
            raise TinyopsError(
                f"no sample can be made of the records of {section.classes[index]} in split {TRAIN!r}, and split "
                f"{EVAL!r} has {in_all:,}{lost}",
                remedy="mend or add records of that class",
            )


def _left_out(summary: DatasetSummary) -> str:
    """The first record of each anomaly of which no sample could be made, for a message."""
    shown = [
        f"{next(iter(found.records))} is {name}" for name, found in summary.anomalies.items() if Anomaly(name).left_out
    ]
    return f": {', '.join(shown)}" if shown else ""


def _require_few(anomalies: Mapping[str, AnomalySummary], records: int, section: DataSection) -> None:
    for name, found in anomalies.items():
        anomaly = Anomaly(name)
        most = section.anomalies.get(anomaly, anomaly.most)
        if found.count > most * records:
            shown = ", ".join(f"{record} ({detail})" if detail else record for record, detail in found.records.items())
            raise TinyopsError(
                f"{found.count:,} of {records:,} records are {name} "
                f"({formats.percent(found.count / records)}, at most {formats.percent(most)} may be): {shown}",
                remedy=f"mend those records or take them away; `data.anomalies: {{{name}: SHARE}}` takes more",
            )


def data_facts(
    summary: DatasetSummary,
    *,
    source: str,
    class_names: Sequence[str],
    group: str | None,
    examples: Sequence[ExampleFacts] = (),
) -> DataFacts:
    """What the report says of the data, which comes from `source`; no split shares a value of the column `group`."""
    repeats = summary.repeats
    return DataFacts(
        source=source,
        fingerprint=summary.sha256,
        splits=summary.split_sizes,
        class_names=list(class_names),
        group=group,
        class_counts=summary.class_counts,
        repeated=repeats.repeated,
        conflicting=repeats.conflicting,
        shared=repeats.shared,
        scales={split: _scale_facts(scale) for split, scale in summary.scales.items()},
        earlier_scale=None if summary.earlier_scale is None else _scale_facts(summary.earlier_scale),
        records=summary.records,
        anomalies={
            name: AnomalyFacts(count=found.count, left_out=Anomaly(name).left_out, records=found.records)
            for name, found in summary.anomalies.items()
        },
        ignored=list(summary.ignored),
        described={name: str(value) for name, value in summary.described.items()},
        examples=list(examples),
    )


def earlier_scale(folder: Path, sha256: str) -> Scale | None:
    """Where the training values lay of the newest run that took other data.

    Args:
        folder: has the summaries of earlier runs in numbered folders, if it is there.
        sha256: of the data of now.
    """
    numbered = [path for path in folder.glob(f"*/{SUMMARY_FILE}") if path.parent.name.isdecimal()]
    for path in sorted(numbered, key=lambda path: -int(path.parent.name)):
        try:
            summary = DatasetSummary.read(path)
        except TinyopsError:
            continue  # cut off by a crash, or of another version: nothing is known from it
        if summary.sha256 != sha256:
            return next(iter(summary.scales.values()), None)
    return None


def _scale_facts(scale: Scale) -> ScaleFacts:
    return ScaleFacts(mean=scale.mean, spread=scale.spread)
