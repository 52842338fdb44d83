"""`store.sqlite`: stages, lineage, build numbers and security floor of a release store. One reader, one writer.

Every change is on the disk before it is reported. The write lock of the file is what keeps two commands apart, so that
a release can be revoked while a push is under way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from edge_deployer.database import Database
from edge_deployer.files import checking
from edge_deployer.release.stages import ReleaseHistory, Stage, StageStep

FILE_NAME: Final = "store.sqlite"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS releases (image_hash TEXT PRIMARY KEY, version TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    image_hash TEXT NOT NULL REFERENCES releases,
    stage TEXT NOT NULL,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    replaces TEXT,
    compared_with TEXT,
    reason TEXT
);
CREATE TABLE IF NOT EXISTS builds (number INTEGER PRIMARY KEY AUTOINCREMENT);
CREATE TABLE IF NOT EXISTS floors (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    floor INTEGER NOT NULL,
    at TEXT NOT NULL,
    why TEXT NOT NULL
);
"""
_DAMAGED_REMEDY: Final = (
    "if the file is damaged, move it away: stages are then read from the records of promotions, and what was revoked "
    "has to be revoked again"
)
_STEP: Final = TypeAdapter(StageStep)
_COLUMNS: Final = "number, stage, at, by, replaces, compared_with, reason"


@dataclass(frozen=True)
class NewStep:
    """A step to record; fields as of `StageStep`."""

    image_hash: str
    stage: Stage
    at: datetime
    by: str
    replaces: str | None = None
    compared_with: str | None = None
    reason: str | None = None


class Changes:
    """What can be changed, and read meanwhile, while the file is held."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path

    def histories(self) -> list[ReleaseHistory]:
        """All releases that were ever recorded, by build."""
        steps: dict[str, list[StageStep]] = {}
        for image_hash, *step in self._connection.execute(f"SELECT image_hash, {_COLUMNS} FROM steps ORDER BY number"):
            with checking(f"release store {self._path}, step {step[0]}", remedy=_DAMAGED_REMEDY):
                named = dict(zip(_COLUMNS.split(", "), step, strict=True))
                steps.setdefault(image_hash, []).append(_STEP.validate_python(named))
        rows = self._connection.execute("SELECT image_hash, version FROM releases").fetchall()
        found = [ReleaseHistory(image_hash, version, tuple(steps[image_hash])) for image_hash, version in rows]
        return sorted(found, key=lambda release: (release.build, release.image_hash))

    def floor(self) -> int:
        """Releases with a smaller security counter are not installed."""
        return int(self._connection.execute("SELECT COALESCE(MAX(floor), 0) FROM floors").fetchone()[0])

    def add(self, releases: Iterable[tuple[str, str]], steps: Iterable[NewStep]) -> None:
        """Record releases, by hex image hash and version, and steps; a release that is there already stays as it is."""
        for image_hash, version in releases:
            self._connection.execute("INSERT OR IGNORE INTO releases VALUES (?, ?)", (image_hash, version))
            self.spend_build(int(version.rpartition("+")[2]))
        for step in steps:
            self._connection.execute(
                "INSERT INTO steps (image_hash, stage, at, by, replaces, compared_with, reason) VALUES (?,?,?,?,?,?,?)",
                (
                    *(step.image_hash, step.stage, step.at.isoformat(), step.by),
                    *(step.replaces, step.compared_with, step.reason),
                ),
            )

    def next_build(self) -> int:
        """A build number that nothing had and nothing else gets."""
        number = self._connection.execute("INSERT INTO builds DEFAULT VALUES").lastrowid
        assert number is not None
        return number

    def spend_build(self, number: int) -> None:
        """Never give this build number, or a smaller one."""
        self._connection.execute("INSERT OR IGNORE INTO builds VALUES (?)", (number,))

    def raise_floor(self, floor: int, at: datetime, why: str) -> None:
        """Raise the floor; it never falls."""
        self._connection.execute("INSERT INTO floors (floor, at, why) VALUES (?, ?, ?)", (floor, at.isoformat(), why))


class StageFile:
    """The file of one store. Every call opens it again, so that commands can share it."""

    def __init__(self, root: Path) -> None:
        self._path = root / FILE_NAME
        self._database = Database(self._path, "release store", _SCHEMA, remedy=_DAMAGED_REMEDY)

    def histories(self) -> list[ReleaseHistory]:
        """All releases that were ever recorded, by build; none where there is no file.

        Raises:
            TinyopsError: the file cannot be read, or a newer version wrote it.
        """
        with self._reading() as found:
            return found.histories() if found else []

    def floor(self) -> int:
        """See `Changes.floor`; errors as for `histories`."""
        with self._reading() as found:
            return found.floor() if found else 0

    @contextmanager
    def changing(self) -> Iterator[Changes]:
        """Hold the file; what the block does to it is kept whole, or not at all if it raises.

        Raises:
            TinyopsError: the file cannot be written, or a newer version wrote it.
        """
        with closing(self._database), self._database.writing() as connection:
            yield Changes(connection, self._path)

    @contextmanager
    def _reading(self) -> Iterator[Changes | None]:
        if not self._database.is_there:
            yield None
            return
        with closing(self._database), self._database.reading() as connection:
            yield Changes(connection, self._path)
