"""Records of files that hold many: what the file says of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from components.sensor_example_gen.sources.anomaly import Anomaly, Found
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.name_pattern import plain
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.tensors import Array


class _Usable:
    """Which records a sample may be made of; the others are found wanting."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._usable = np.ones(len(listing), np.bool_)
        self.found: list[Found] = []

    def leave_out(self, wrong: Array, anomaly: Anomaly, field: str, texts: Array) -> None:
        """Those that are wrong, unless they are left out already."""
        for index in np.flatnonzero(wrong & self._usable):
            self.found.append(Found(self._listing.name(int(index)), anomaly, f"{field} is {str(texts[index])!r}"))
        self._usable[wrong] = False

    def of(self, listing: Listing) -> Listing:
        """A list of the same records without those that were left out, of which it says so."""
        return listing.take(np.flatnonzero(self._usable)).with_found(self.found)


def with_fields(listing: Listing, fields: Mapping[str, Array], section: DataSection) -> Listing:
    """Records with what their file says of them.

    Args:
        listing: the records of a file; what is known of the file itself stands in it.
        fields: text, shape ``(records,)``, by field of the section.
        section: says which field is what.

    Returns:
        Those that a sample may be made of; the others are in `found`.
    """
    texts = {field: np.array([plain(text) for text in column.tolist()]) for field, column in fields.items()}
    usable = _Usable(listing)
    for field, values in texts.items():
        if field == section.label:
            listing = replace(listing, labels=_labels(values, section, usable))
        elif field == section.target:
            listing = replace(listing, targets=_targets(values, field, usable))
        elif field == section.splits.field:
            listing = replace(listing, given=_given(values, section, usable))
        if field == section.group:
            listing = replace(listing, groups=values)
    return usable.of(listing)


def _labels(values: Array, section: DataSection, usable: _Usable) -> Array:
    """Index of each text among the classes, -1 where it is none; int64."""
    assert section.label is not None
    classes = {plain(name): index for index, name in enumerate(section.classes or ())}
    names, which = np.unique(values, return_inverse=True)
    labels: Array = np.array([classes.get(name, -1) for name in names.tolist()], np.int64)[which.ravel()]
    usable.leave_out(values == "", Anomaly.UNLABELLED, section.label, values)
    usable.leave_out(labels < 0, Anomaly.UNKNOWN_LABEL, section.label, values)
    return labels


def _targets(values: Array, field: str, usable: _Usable) -> Array:
    targets = np.array([_number(text) for text in values.tolist()])
    usable.leave_out(~np.isfinite(targets), Anomaly.UNLABELLED, field, values)
    return targets


def _given(values: Array, section: DataSection, usable: _Usable) -> Array:
    assert section.splits.field is not None
    trains = np.isin(values, section.splits.train_values)
    wrong = ~trains & ~np.isin(values, section.splits.eval_values)
    usable.leave_out(wrong, Anomaly.NO_SPLIT, section.splits.field, values)
    return np.where(trains, "train", "eval")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def joined(parts: Sequence[Listing]) -> Listing:
    """One list of many, one at least, all of which know the same of their records; the records are numbered anew."""

    def column(name: str) -> Array | None:
        columns = [getattr(part, name) for part in parts]
        return None if columns[0] is None else np.concatenate(columns)

    names = tuple(name for part in parts for name in part.names or ())
    return Listing(
        rows=np.arange(len(names)),
        labels=column("labels"),
        groups=column("groups"),
        targets=column("targets"),
        given=column("given"),
        keys=column("keys"),
        spans=column("spans"),
        names=names,
        found=tuple(found for part in parts for found in part.found),
    )
