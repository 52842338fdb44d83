"""What can be wrong with a record, and how much of it a project takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from edge_deployer.errors import TinyopsError


class Anomaly(str, Enum):
    """Of a record, which is a file or a row of one. What `left_out` names no sample is made of."""

    CORRUPT = "corrupt"  # Cannot be decoded, or ends early.
    WRONG_FORMAT = "wrong_format"  # Is another kind of file than its name says.
    EMPTY = "empty"  # Has no byte, or no sample.
    MISSING = "missing"  # A manifest names it, and it is not there.
    OUTSIDE = "outside"  # A manifest or a link leads out of the source's folder.
    TOO_LARGE = "too_large"  # Claims more than any record holds.
    BAD_NAME = "bad_name"  # Its name is no text, or does not fit the pattern.
    UNLABELLED = "unlabelled"  # Nothing says what it is.
    UNKNOWN_LABEL = "unknown_label"  # Its label is none of the project's classes.
    NO_SPLIT = "no_split"  # What says the split says neither train nor eval.
    NOT_FINITE = "not_finite"  # Holds NaN or infinity.
    TOO_SHORT = "too_short"  # Filled up to a window.
    SILENT = "silent"  # Hardly changes.
    CLIPPED = "clipped"  # Touches the ends of its range again and again.
    DUPLICATE = "duplicate"  # Its sample stands in the data before.
    CONFLICTING = "conflicting"  # Its sample stands under another label, too.

    @property
    def left_out(self) -> bool:
        """Whether no sample is made of such a record."""
        return self not in _USED

    @property
    def most(self) -> float:
        """Share of the records that may have it where the project says nothing."""
        return _MOST.get(self, 0.02)


_USED = {Anomaly.TOO_SHORT, Anomaly.SILENT, Anomaly.CLIPPED, Anomaly.DUPLICATE, Anomaly.CONFLICTING}
# What is used changes little, so that more of it is taken.
_MOST = {
    Anomaly.TOO_SHORT: 1.0,
    Anomaly.SILENT: 0.1,
    Anomaly.CLIPPED: 0.2,
    Anomaly.DUPLICATE: 0.5,
    Anomaly.CONFLICTING: 0.1,
}


@dataclass(frozen=True)
class Found:
    """An anomaly of one record."""

    record: str  # Name of the record.
    anomaly: Anomaly
    detail: str = ""  # What was found, in a few words.


class UnusableRecord(TinyopsError):
    """No sample can be made of a record. It is counted and named; the run goes on.

    Args:
        anomaly: one that is left out.
        detail: what was found, in a few words.
    """

    def __init__(self, anomaly: Anomaly, detail: str) -> None:
        super().__init__(f"{anomaly.value}: {detail}", remedy="mend the record or take it away")
        self.anomaly = anomaly
        self.detail = detail
