"""The trail: what is done to boards and releases, each entry written down for good before the next step is taken.

Entries are only ever added. Each has a hash over itself and the hash of the one before, so that one that was changed,
taken out or moved is found; that the end was cut off is found against a signed head that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from edge_deployer.database import Database
from edge_deployer.errors import TinyopsError
from edge_deployer.files import DamagedFile

FILE_NAME: Final = "trail.sqlite"
VERSION: Final = 2
_WHAT: Final = "trail of what was done to boards"
_FIRST: Final = "0" * 64
"""What stands for the hash before the first entry."""

_TOLERATED: Final = timedelta(seconds=5)
"""A clock that is set by its network steps back so far at most (ntpd slews what is less than 128 ms)."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    rollout TEXT NOT NULL,
    board TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS of_a_rollout ON entries (rollout, seq);
CREATE TRIGGER IF NOT EXISTS never_changed BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS never_removed BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_NO_END: Final = 2**63 - 1
_REMEDY = "if the file is damaged, move it away, and see what the boards run with `tinyops boards probe`"
_COLUMNS = "seq, at, rollout, board, kind, body, hash"
_BODY = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
# Somebody may have put bytes where text was.
_STATEMENT = json.JSONEncoder(separators=(",", ":"), default=repr)


@dataclass(frozen=True)
class Entry:
    """One thing that was intended, done or decided."""

    seq: int  # From 1, without a gap.
    at: str  # ISO 8601, UTC.
    rollout: str  # Its id; empty for what a command does by hand.
    board: str  # Its name; empty for what concerns no single board.
    kind: str  # What: an intent, a step, a state, a request.
    body: str  # All else, canonical JSON.
    hash: str  # SHA-256, hex, over the entry before's hash and all of the above.

    @property
    def content(self) -> dict[str, Any]:
        """The body, read.

        Raises:
            DamagedFile: somebody has changed it, and it is JSON no more.
        """
        with self.being_read():
            content: dict[str, Any] = json.loads(self.body)
        return content

    @contextmanager
    def being_read(self) -> Iterator[None]:
        """What is wrong with the entry, as an error to mend.

        Raises:
            DamagedFile: the block looks for something that is not there, or is of another kind.
        """
        try:
            yield
        # ValueError: also what pydantic raises, and what is not JSON.
        except (KeyError, TypeError, ValueError) as error:
            said = f"entry {self.seq} of the trail ({self.kind}) cannot be read: {type(error).__name__}"
            raise DamagedFile(said, remedy=f"`tinyops audit verify` says what was changed; {_REMEDY}") from error


@dataclass(frozen=True)
class Head:
    """The last entry, by which the whole trail is known."""

    seq: int
    hash: str


class Trail:
    """The trail of one workspace; commands may share it.

    Args:
        folder: of the file.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._database = Database(self.path, _WHAT, _SCHEMA, remedy=_REMEDY, version=VERSION, write_ahead=True)

    def append(self, kind: str, body: dict[str, Any], *, rollout: str = "", board: str = "") -> Entry:
        """Add an entry; it is on the disk when this returns.

        Raises:
            TinyopsError: it cannot be written, or this machine's clock stands before the last entry.
        """
        text = _BODY.encode(body)
        with self._database.writing() as connection:
            last = connection.execute("SELECT seq, at, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
            seq, before, hashed = last or (0, "", _FIRST)
            at = _not_before(before, datetime.now(timezone.utc))
            entry = _sealed(hashed, seq + 1, at.isoformat(), rollout, board, kind, text)
            connection.execute(
                f"INSERT INTO entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entry.seq, entry.at, rollout, board, kind, text, entry.hash),
            )
        return entry

    def write(self, kind: str, body: dict[str, Any], board: str = "") -> None:
        """Add an entry of what is done by hand, see `append`."""
        self.append(kind, body, board=board)

    def entries(
        self, rollout: str | None = None, *, kind: str = "%", after: int = 0, before: int = _NO_END
    ) -> list[Entry]:
        """Entries in order, of one rollout or of all.

        Args:
            rollout: its id; None for all.
            kind: a pattern as in SQL's LIKE.
            after: only those with a greater number.
            before: only those with a smaller one.

        Raises:
            TinyopsError: the file cannot be used.
        """
        if not self._database.is_there:
            return []
        query = f"SELECT {_COLUMNS} FROM entries WHERE seq > ? AND seq < ? AND kind LIKE ?"
        given: tuple[object, ...] = (after, before, kind)
        if rollout is not None:
            query, given = f"{query} AND rollout = ?", (*given, rollout)
        with self._database.reading() as connection:
            return [Entry(*row) for row in connection.execute(f"{query} ORDER BY seq", given)]

    def latest(self, kind: str) -> dict[str, Entry]:
        """The last entry of a kind of each board, by its name.

        Raises:
            TinyopsError: the file cannot be used.
        """
        if not self._database.is_there:
            return {}
        newest = "SELECT MAX(seq) FROM entries WHERE kind = ? GROUP BY board"
        with self._database.reading() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM entries WHERE seq IN ({newest})", (kind,))
            return {entry.board: entry for entry in (Entry(*row) for row in rows)}

    def head(self) -> Head | None:
        """The last entry; None if there is none.

        Raises:
            TinyopsError: the file cannot be used.
        """
        if not self._database.is_there:
            return None
        with self._database.reading() as connection:
            row = connection.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        return Head(*row) if row else None

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def images_on_boards(folder: Path) -> frozenset[str]:
    """Hex hashes of the images that boards have, in either slot, or had before their last step.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    with closing(Trail(folder)) as trail:
        slots = [entry.content["after"] for entry in trail.latest("done").values()]
        slots += [entry.content["before"] for entry in trail.latest("intent").values()]
    return frozenset(slot["hash"] for each in slots for slot in each)


def unfinished_rollout(trail: Trail) -> tuple[str, frozenset[str]] | None:
    """Id and boards of the rollout that has not ended; a workspace has one at most.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    begun = trail.entries(kind="begun")
    if not begun:
        return None
    last = begun[-1]
    states = trail.entries(last.rollout, kind="state")
    for state in states[-1:]:
        with state.being_read():
            if state.content["state"] == "ended":
                return None
    with last.being_read():
        plan = last.content
        return last.rollout, frozenset([*plan["staging"], *(name for wave in plan["waves"] for name in wave)])


def faults_in(entries: Iterable[Entry], head: Head | None = None) -> Iterator[str]:
    """What is wrong with a trail, in words: entries that were changed, are missing or stand elsewhere; a cut-off end.

    Args:
        entries: all of it, in order.
        head: a head that was kept elsewhere; None if none was.
    """
    hashed, last, at_head = _FIRST, 0, None
    for entry in entries:
        if entry.seq != last + 1:
            yield f"entry {entry.seq} follows entry {last}: what stood between them is missing"
        elif _sealed(hashed, entry.seq, entry.at, entry.rollout, entry.board, entry.kind, entry.body) != entry:
            yield f"entry {entry.seq} ({entry.kind} of {entry.board or 'no board'}, {entry.at}) was changed or moved"
        hashed, last = entry.hash, entry.seq
        if head is not None and entry.seq == head.seq:
            at_head = entry.hash
    if head is not None and at_head is None:
        yield f"the trail ends with entry {last}, and its signed head is entry {head.seq}: the end was cut off"
    elif head is not None and at_head != head.hash:
        yield f"entry {head.seq} is another one than the signed head names: the trail was written anew"


def _sealed(before: str, seq: int, at: str, rollout: str, board: str, kind: str, body: str) -> Entry:
    stated = _STATEMENT.encode([before, seq, at, rollout, board, kind, body])
    return Entry(seq, at, rollout, board, kind, body, hashlib.sha256(stated.encode()).hexdigest())


def _not_before(last: str, now: datetime) -> datetime:
    """The time of an entry: no step back of the clock is seen in the trail."""
    if not last:
        return now
    try:
        before = datetime.fromisoformat(last)
        gap = before - now
    except (TypeError, ValueError):
        raise DamagedFile(f"the time of the trail's last entry is damaged: {last!r}", remedy=_REMEDY) from None
    if gap > _TOLERATED:
        raise TinyopsError(
            f"this machine's clock is {gap.total_seconds():,.0f} s behind the last entry of the trail, {last}",
            remedy="set the clock, and give the command again; if it is right now and was wrong then, move the trail "
            "away, and see what the boards run with `tinyops boards probe`",
        )
    return max(now, before)
