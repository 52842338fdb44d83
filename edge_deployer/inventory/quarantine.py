"""Boards that are not to be trusted, kept in a SQLite file until a self-test lets them back."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter

from edge_deployer.database import Database
from edge_deployer.files import checking
from edge_deployer.finding import AnyFinding, Finding

FILE_NAME = "quarantine.sqlite"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS quarantine (
    board TEXT NOT NULL,
    since TEXT NOT NULL,
    reason TEXT NOT NULL,
    until TEXT,
    released_by TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS one_at_a_time ON quarantine (board) WHERE until IS NULL;
"""


_DAMAGED_REMEDY = "if the file is damaged, move it away and test the boards with `tinyops boards health`"


@dataclass(frozen=True)
class Confinement:
    """A board's time in quarantine."""

    board: str
    since: AwareDatetime
    reason: AnyFinding


_ENTRY = TypeAdapter(Confinement)


class Quarantine:
    """The boards of a workspace that are in quarantine. Every call opens the file again, so that commands can share it.

    It lies in the folder where the workspace's virtual boards are, which is made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._database = Database(self._path, "quarantine file", _SCHEMA, remedy=_DAMAGED_REMEDY)

    def boards(self) -> dict[str, Confinement]:
        """Who is in quarantine now, by name.

        Raises:
            TinyopsError: the file cannot be read, or an entry in it is damaged.
        """
        if not self._database.is_there:
            return {}
        query = "SELECT board, since, reason FROM quarantine WHERE until IS NULL ORDER BY since"
        with closing(self._database), self._database.reading() as connection:
            return {row[0]: self._confinement(*row) for row in connection.execute(query)}

    def confine(self, board: str, reason: Finding) -> None:
        """Put a board in quarantine; one that is there already stays with its first reason.

        Raises:
            TinyopsError: the file cannot be written.
        """
        with closing(self._database), self._database.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO quarantine (board, since, reason) VALUES (?, ?, ?)",
                (board, _now(), reason.model_dump_json()),
            )

    def release(self, board: str, released_by: str) -> None:
        """Let a board back; the record of its time there stays.

        Raises:
            TinyopsError: the file cannot be written.
        """
        with closing(self._database), self._database.writing() as connection:
            connection.execute(
                "UPDATE quarantine SET until = ?, released_by = ? WHERE board = ? AND until IS NULL",
                (_now(), released_by, board),
            )

    def _confinement(self, board: object, since: object, reason: object) -> Confinement:
        with checking(f"quarantine file {self._path}, entry of {board!r}", remedy=_DAMAGED_REMEDY):
            return _ENTRY.validate_python({"board": board, "since": since, "reason": _read_reason(reason)})


def _read_reason(stored: object) -> object:
    """Earlier versions wrote it in words."""
    try:
        return json.loads(stored) if isinstance(stored, str) else stored
    except json.JSONDecodeError:
        return stored


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
