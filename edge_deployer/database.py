"""SQLite files of a workspace: made when first used, of a known version; what goes wrong is one of our errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, make_folder

_BUSY_S = 30.0
_POLL_S = 0.02


class Database:
    """One file, open from the first use until `close`; commands may share it.

    Args:
        path: of the file, whose folder is made if need be.
        what: completes "the ... cannot be used", for error messages.
        schema: statements that make the tables, and change nothing where they are there; run once for a file.
        version: of the schema; files from before there were versions have 0.
        remedy: what to do about a damaged file.
        write_ahead: whether one writes while others read (``journal_mode=WAL``): only on a disk of this machine, and
            not where the folder may only be read.

    What a transaction that has ended has written survives a power cut.
    """

    def __init__(
        self, path: Path, what: str, schema: str, *, remedy: str, version: int = 1, write_ahead: bool = False
    ) -> None:
        self.path, self._what, self._schema = path, what, schema
        self._version, self._remedy, self._write_ahead = version, remedy, write_ahead
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A block of statements that change nothing, and see what was there when the first of them read.

        Raises:
            TinyopsError: the file cannot be used, or is of a newer version.
        """
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes in: all of it counts, or nothing where the block raises.

        Raises:
            TinyopsError: the file cannot be used, or is of a newer version.
        """
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @property
    def is_there(self) -> bool:
        """Whether there is a file; to read where there is none would make it.

        Raises:
            TinyopsError: that cannot be seen.
        """
        return exists(self.path, f"{self._what} {self.path}")

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._told():
            connection = self._opened()
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            remedy = f"make the folder writable and free its disk; {self._remedy}"
            raise TinyopsError(f"the {self._what} {self.path} cannot be used: {error}", remedy=remedy) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            make_folder(self.path.parent)
            with ExitStack() as opened:
                connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
                opened.callback(connection.close)
                self._prepare(connection)
                opened.pop_all()
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > self._version:
            raise TinyopsError(
                f"the {self._what} {self.path} is of version {found}, which a newer tinyops has written; this one "
                f"reads up to {self._version}",
                remedy="update tinyops on this machine, or give another workspace",
            )
        if self._write_ahead:
            _write_ahead(connection)
        connection.execute("PRAGMA synchronous=EXTRA")
        if found < self._version:
            connection.executescript(f"BEGIN IMMEDIATE; {self._schema} PRAGMA user_version={self._version}; COMMIT;")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL, which SQLite does not wait for: two commands may make the file at once."""
    until = time.monotonic() + _BUSY_S
    while time.monotonic() < until:
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(_POLL_S)
    connection.execute("PRAGMA journal_mode=WAL")
