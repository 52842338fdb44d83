"""What people call columns and arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from components.sensor_example_gen.sources.motion_files.rows import TimeUnit

_CALLED: Final = {
    "label": (
        "label",
        "labels",
        "class",
        "classname",
        "classes",
        "category",
        "activity",
        "gesture",
        "keyword",
        "word",
        "target",
        "targets",
        "y",
        "state",
        "kind",
        "condition",
        "event",
        "digit",
        "move",
        "output",
    ),
    "group": (
        "group",
        "groups",
        "speaker",
        "subject",
        "person",
        "user",
        "participant",
        "volunteer",
        "device",
        "machine",
        "unit",
        "plant",
        "patient",
        "session",
        "site",
        "room",
        "owner",
        "who",
        "clientid",
    ),
    "split": ("split", "set", "subset", "partition", "fold", "usage"),
    "recording": (
        "recording",
        "recordingid",
        "rec",
        "recid",
        "file",
        "filename",
        "clip",
        "trial",
        "segment",
        "sequence",
        "sequenceid",
        "seq",
        "seqid",
        "experiment",
        "run",
        "runid",
        "take",
        "repetition",
        "rep",
        "window",
        "sample",
        "sampleid",
        "strokeid",
        "seriesid",
        "series",
    ),
    "time": (
        "time",
        "timestamp",
        "timestamps",
        "t",
        "ts",
        "times",
        "datetime",
        "date",
        "secondselapsed",
        "elapsed",
        "clock",
        "millis",
        "micros",
        "milliseconds",
        "microseconds",
        "nanoseconds",
        "seconds",
        "ms",
        "us",
        "ns",
    ),
    "counter": ("index", "row", "rowid", "id", "no", "nr", "n", "i", "step", "count", "counter", "frame", "unnamed0"),
}
_UNITS: Final[tuple[TimeUnit, ...]] = ("ns", "us", "ms", "s")


def role_of(name: str) -> str | None:
    """What a column is by its name: a key of the table above; None for a name that says nothing.

    ``subject_id`` is a subject, ``time_ms`` a time.
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    for shorter in (plain, plain.removesuffix("id"), *(plain.removesuffix(unit) for unit in _UNITS)):
        for role, names in _CALLED.items():
            if shorter in names:
                return role
    return None


def called(role: str, names: Iterable[str]) -> str | None:
    """The column that has a role, by its name: of several the one whose name stands first in the table above."""
    theirs = [name for name in names if role_of(name) == role]
    return min(theirs, key=lambda name: _place(role, name), default=None)


def _place(role: str, name: str) -> int:
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return next((place for place, one in enumerate(_CALLED[role]) if plain.startswith(one)), len(_CALLED[role]))


def unit_said(name: str) -> TimeUnit | None:
    """The unit that a time's name ends in: ``time_ms``, ``t [us]``, ``micros``."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    last = words[-1] if words else ""
    said: dict[str, TimeUnit] = {unit: unit for unit in _UNITS} | {
        "millis": "ms",
        "milliseconds": "ms",
        "micros": "us",
        "microseconds": "us",
        "nanoseconds": "ns",
        "seconds": "s",
        "elapsed": "s",
        "sec": "s",
    }
    return said.get(last)
