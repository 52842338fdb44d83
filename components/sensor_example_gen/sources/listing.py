"""The list of a source's records. Columns, not objects: a million records take tens of megabytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.sensor_example_gen.sources.anomaly import Found
from edge_deployer.tensors import Array


@dataclass(frozen=True)
class Listing:
    """Records of which nothing has been read but the name.

    A source lists only those that it can make samples of, as far as the list shows; the others are in `found`.
    """

    rows: Array  # int64, shape ``(n,)``: number of each record in the whole source, ascending.
    labels: Array | None  # int64, shape ``(n,)``: index of the class; None where records have targets.
    groups: Array | None = None  # int64 or text, shape ``(n,)``; None where the project names no group.
    targets: Array | None = None  # float64, shape ``(n, ...)``, or None.
    # Shape ``(n,)``: name of the split that the data itself gives to each record, ``train`` or ``eval``; None where
    # groups or a hash decide.
    given: Array | None = None
    names: tuple[str, ...] | None = None  # Of each record, below the source's folder; None for rows of one file.
    # uint8, shape ``(n, 32)``: SHA-256 of each record's contents, which decides its split where there are no groups;
    # None where the list does not read them: then the names do.
    keys: Array | None = None
    # int64, shape ``(n, 2)``: where each record begins and ends in its file, in what the source counts in; None where a
    # record is a whole file or a row.
    spans: Array | None = None
    one_sample_each: bool = True  # Whether each record makes one sample, and not as many as it has windows.
    found: tuple[Found, ...] = ()  # What the list shows already.
    ignored: tuple[str, ...] = ()  # Files that are of no kind that the source reads.

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        """What messages call a record."""
        return f"row {self.rows[index]}" if self.names is None else self.names[index]

    def with_found(self, found: Iterable[Found]) -> Listing:
        """The same records, with what else was found."""
        return replace(self, found=(*self.found, *found))

    def take(self, indices: Sequence[int] | Array) -> Listing:
        """Some of the records, in the order of `indices`; nothing of `found` and `ignored`."""
        chosen = np.asarray(indices, np.int64)
        return Listing(
            rows=self.rows[chosen],
            labels=_some(self.labels, chosen),
            groups=_some(self.groups, chosen),
            targets=_some(self.targets, chosen),
            given=_some(self.given, chosen),
            names=None if self.names is None else tuple(self.names[index] for index in chosen),
            keys=_some(self.keys, chosen),
            spans=_some(self.spans, chosen),
            one_sample_each=self.one_sample_each,
        )


def _some(column: Array | None, chosen: Array) -> Array | None:
    return None if column is None else column[chosen]
