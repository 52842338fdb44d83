"""From data to a proposal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from components.sensor_example_gen.features.known import front_end_of
from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import Source, source_class
from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.tensors import Array
from pipeline.init import arrays, audio, images, motion
from pipeline.init.division import Division, divide, floors, too_little
from pipeline.init.manifest import manifest_in
from pipeline.init.proposal import Choice, Grouping, Network, Proposal, Survey
from pipeline.init.ranges import ranges_of, scale_choice

KINDS: Final[Mapping[str, Callable[[Path], Survey]]] = {
    "audio": audio.survey,
    "motion": motion.survey,
    "images": images.survey,
    "arrays": arrays.survey,
}
_READ: Final = 150
"""Records that are read to see what samples they make."""
_KEPT: Final = 1 << 22
_STEPS: Final[Mapping[Network, int]] = {"pictures": 2000, "strokes": 2500, "table": 4000}
_BATCH: Final = 32
_EPOCHS: Final = (10, 80)
_NEW: Final = Choice("value_skew", "warn", "groups that are held out may well look otherwise: that is what is asked")
_UNEVEN: Final = 1.5
"""Of the largest class to the smallest, from which on samples of rare ones count more."""


@dataclass(frozen=True)
class _Read:
    """What reading some of the records has shown."""

    counts: Array  # Samples of each record of the list, float64; of those not read the mean.
    values: Array  # Of some samples.
    found: dict[str, float]  # Share of the records that have an anomaly and are used all the same.
    damaged: tuple[str, ...]  # Records of which no sample can be made, with the reason.


def propose(kind: str, place: Path) -> Proposal:
    """Look at data and propose a project.

    Args:
        kind: of `KINDS`.
        place: a folder or a file.

    Raises:
        TinyopsError: there is nothing that a project can be made of; the message says what was seen.
    """
    survey = KINDS[kind](place)
    base = {"kind": kind, "source": str(source_of(kind, place))}
    error: TinyopsError | None = None
    for split, grouping in _in_turn(survey):
        section = _section(base, (*survey.choices, *split, *grouping.choices))
        source = source_class(kind)(section, base["source"])
        try:
            listing = source.listing()
        except TinyopsError as problem:
            error = error or problem
            continue
        read = _some_read(source, listing)
        division = divide(listing, read.counts, section, grouping)
        if division is not None:
            return _proposal(kind, base, survey, division, read, listing)
        error = error or too_little(listing, read.counts, str(place))
    assert error is not None  # There is one grouping at least.
    raise error


def source_of(kind: str, place: Path) -> Path:
    """`data.source`: the path itself, a manifest in the folder, or the one file of arrays in it."""
    if kind == "arrays" and place.is_dir():
        return next(iter(sorted(place.rglob("*.npz"))), place)
    if kind != "arrays" and place.is_dir():
        return manifest_in(place) or place
    return place


def _in_turn(survey: Survey) -> list[tuple[tuple[Choice, ...], Grouping]]:
    """Ways to divide: the data's own first, by takes last."""
    groupings = sorted(survey.groupings, key=lambda grouping: grouping.is_last_resort)
    splits = [()] if survey.split is None else [survey.split, ()]
    return [(split, grouping) for split in splits for grouping in groupings]


def _section(base: Mapping[str, Any], choices: tuple[Choice, ...]) -> DataSection:
    fields = {**base, **{choice.field: choice.value for choice in choices}}
    try:
        return source_class(base["kind"]).Section.model_validate(fields)
    except ValidationError as error:
        raise describe_validation_error(error, f"the proposal for {base['source']}") from error


def _some_read(source: Source, listing: Listing) -> _Read:
    counts = np.full(len(listing), np.nan)
    some: list[Array] = []
    found: Counter[str] = Counter()
    damaged: list[str] = []
    kept = 0
    chosen = np.unique(np.linspace(0, len(listing) - 1, min(len(listing), _READ)).astype(int))
    for index in chosen:
        counts[index] = 0
        marks: set[str] = set()
        try:
            for sample in source.samples(listing, int(index)):
                counts[index] += 1
                marks |= {anomaly.value for anomaly in sample.anomalies}
                if kept < _KEPT:
                    some.append(sample.values)
                    kept += sample.values.size
        except UnusableRecord as error:
            damaged.append(f"{listing.name(int(index))}: {error.message}")
        found.update(marks)
    if not some:
        raise TinyopsError(
            f"none of {len(chosen)} records could be read, e.g. {damaged[0]}", remedy="mend them, or convert them"
        )
    counts[np.isnan(counts)] = np.nanmean(counts)
    shares = {name: count / len(chosen) for name, count in found.items()}
    return _Read(counts, np.stack(some), shares, tuple(damaged))


def _proposal(
    kind: str, base: Mapping[str, Any], survey: Survey, division: Division, read: _Read, listing: Listing
) -> Proposal:
    features = survey.features or scale_choice(ranges_of(read.values))
    data = (*division.grouping.choices, *survey.choices, division.splits, features, *_tolerated(read))
    section = _section(base, data)
    shape = front_end_of(section.features).shape(source_class(kind)(section, base["source"]).shape)
    held = division.held
    evaluate, acceptance = floors(held, division.plan)
    said = f"about {held.train:,} samples train, {held.eval:,} are held out"
    return Proposal(
        kind=kind,
        data=data,
        evaluate=evaluate,
        acceptance=acceptance,
        epochs=_epochs(survey.network, held.train),
        network=survey.network,
        shape=shape,
        classes=len(section.classes or ()),
        outputs=survey.outputs,
        weighs_classes=_is_uneven(held.train_counts),
        found=(*survey.found, said),
        notices=(*survey.notices, *_notices(survey, division, listing, read)),
        gates=(*survey.gates, *((_NEW,) if division.grouping.group is not None else ())),
    )


def _notices(survey: Survey, division: Division, listing: Listing, read: _Read) -> list[str]:
    best = survey.groupings[0]
    notices = [
        f"{one.record}: {one.anomaly.value.replace('_', ' ')}{f', {one.detail}' if one.detail else ''}"
        for one in listing.found[:3]
    ]
    if len(listing.found) > 3:
        notices.append(f"and {len(listing.found) - 3} more records that no sample is made of")
    if read.damaged:
        notices.append(f"{len(read.damaged)} of the records that were read are of no use, e.g. {read.damaged[0]}")
    if best.group is not None and division.grouping is not best:
        notices.append(
            f"records are not divided by {best.group}: no choice of groups leaves every label in both splits with "
            "enough held out; the evaluation may flatter"
        )
    if survey.split is not None and "field" not in division.splits.value:
        notices.append(
            "the data's own division is not used: it leaves too little held out, or a label in one split only"
        )
    if division.strictness:
        notices.append(
            f"{division.held.eval:,} held-out samples are few: acceptance asks for less than it does by default; "
            "collect more"
        )
    return notices


def _tolerated(read: _Read) -> tuple[Choice, ...]:
    """`data.anomalies`, where more records have one that is used than a run takes by default."""
    shares = {
        name: round(min(1.0, 1.5 * share), 2)
        for name, share in read.found.items()
        if min(1.0, 1.2 * share) > Anomaly(name).most
    }
    if not shares:
        return ()
    return (Choice("anomalies", shares, "shares that a run takes: so many of your records are; look at them"),)


def _epochs(network: Network, samples: int) -> int:
    least, most = _EPOCHS
    return int(np.clip(round(_STEPS.get(network, 2500) * _BATCH / max(1, samples)), least, most))


def _is_uneven(counts: tuple[int, ...]) -> bool:
    present = [count for count in counts if count]
    return bool(present) and max(present) > _UNEVEN * min(present)
