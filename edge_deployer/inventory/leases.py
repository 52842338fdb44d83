"""Leases: who may work with which board. A holder that dies leaves none: its lease runs out.

Each lease has a fencing token, which rises with every lease of its board. A session claims its board with it, so that a
board itself refuses a holder whose lease ran out unnoticed (M. Kleppmann, "How to do distributed locking", 2016).

One host at a time works with a folder of leases, because a file lock and a clock are of one kernel. The trail beside it
has SQLite's WAL, which holds for one host, too (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Final
from uuid import uuid4

from pydantic import AwareDatetime, TypeAdapter

from edge_deployer.database import Database
from edge_deployer.errors import TinyopsError
from edge_deployer.files import checking, make_folder, writing
from edge_deployer.inventory.host import boot_id, seconds_since_boot

FILE_NAME: Final = "leases.sqlite"

TIME_TO_LIVE_S: Final = 30.0
"""A lease that nobody has renewed for so long has run out."""

_HEARTBEAT_S = TIME_TO_LIVE_S / 3
_POLL_S = 0.2
_GREATEST_TOKEN: Final = 2**63 - 1  # SQLite's integers.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tokens (board TEXT PRIMARY KEY, token INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS elsewhere (board TEXT PRIMARY KEY, epoch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS leases (
    board TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    host TEXT NOT NULL,
    purpose TEXT NOT NULL,
    since TEXT NOT NULL,
    runs_out REAL NOT NULL,
    runs_out_since_boot REAL NOT NULL
);
"""
_REMEDY = "if the file is damaged, move it away while no command runs; boards then ask for --take-over"


class Busy(TinyopsError):
    """Somebody else works with the boards."""


def _say_nothing(_words: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for boards that somebody else holds, and who is told what is waited for."""

    seconds: float = 0.0
    tell: Callable[[str], None] = _say_nothing


NONE: Final = Patience()


@dataclass(frozen=True)
class Lease:
    """A board in somebody's hands."""

    board: str
    purpose: str  # What for: a command, a rollout.
    since: AwareDatetime
    holder: str  # A name of its own for each holder.
    host: str  # Its machine, see `boot_id`.
    runs_out: float  # By the clock, seconds since the epoch; for other machines.
    runs_out_since_boot: float  # For this one.


_LEASE = TypeAdapter(Lease)
_FIELDS: Final = tuple(field.name for field in fields(Lease))


@dataclass
class Tenure:
    """The time for which somebody holds boards.

    Attributes:
        tokens: the fencing token of each board, by name.
        ends: seconds since boot at which the leases run out, unless they are renewed.
        lost: the boards that somebody else has taken since.
    """

    tokens: dict[str, int]
    holder: str
    ends: float
    clock: Callable[[], float]
    lost: list[str] = field(default_factory=list)

    def require(self) -> None:
        """To be called before anything is changed.

        Raises:
            Busy: a lease has run out.
        """
        if self.lost or self.clock() >= self.ends:
            names = ", ".join(self.lost or self.tokens)
            raise Busy(
                f"the lease of {names} ran out: this machine stood still, or could not write its file of leases",
                remedy="give the command again, once no other holds the boards",
            )


class Leases:
    """The leases of one workspace.

    Args:
        folder: of the file, and of a lock that every holder keeps.
        clock: seconds since boot, for tests.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = seconds_since_boot) -> None:
        self._folder, self._clock = folder, clock
        self._database = Database(folder / FILE_NAME, "file of leases", _SCHEMA, remedy=_REMEDY)

    @asynccontextmanager
    async def held(self, boards: Sequence[str], purpose: str, patience: Patience = NONE) -> AsyncIterator[Tenure]:
        """Hold boards while the block lasts.

        Args:
            boards: their names.
            purpose: what for, in words for others.
            patience: how long to wait for them.

        Raises:
            Busy: somebody else holds one of them, or another host works with this folder.
            TinyopsError: the file cannot be used.
        """
        with contextlib.closing(self._database), self._alive(uuid4().hex) as holder:
            tenure = await self._take(boards, purpose, holder, patience)
            heart = asyncio.create_task(self._beat(tenure))
            try:
                yield tenure
            finally:
                heart.cancel()
                self._give_back(tenure)
                await asyncio.gather(heart, return_exceptions=True)

    def raise_above(self, tenure: Tenure, board: str, epoch: int) -> int:
        """Make a held board's token greater than an epoch that the board holds; returns the token.

        Raises:
            Busy: the lease has run out.
            TinyopsError: the file cannot be used, or there is no greater token.
        """
        tenure.require()
        if epoch >= _GREATEST_TOKEN:
            raise TinyopsError(
                f"{board} holds epoch {epoch}, and no greater one can be kept: no command claims so great a one",
                remedy="erase the board's flash, and install its release again",
            )
        with self._database.writing() as connection:
            tenure.tokens[board] = _next_token(connection, board, at_least=epoch + 1)
        return tenure.tokens[board]

    def note_elsewhere(self, board: str, epoch: int) -> None:
        """Remember that another workspace has claimed a board: commands that are refused must not count up to it.

        Raises:
            TinyopsError: the file cannot be used.
        """
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO elsewhere VALUES (?, ?)", (board, str(epoch)))

    def forget_elsewhere(self, board: str) -> None:
        """The board is this workspace's again.

        Raises:
            TinyopsError: the file cannot be used.
        """
        with self._database.writing() as connection:
            connection.execute("DELETE FROM elsewhere WHERE board = ?", (board,))

    def elsewhere(self, board: str) -> int | None:
        """The epoch by which another workspace has claimed a board; None where nothing is known of that.

        Raises:
            TinyopsError: the file cannot be used.
        """
        with self._database.reading() as connection:
            row = connection.execute("SELECT epoch FROM elsewhere WHERE board = ?", (board,)).fetchone()
        return int(row[0]) if row else None

    def live(self) -> dict[str, Lease]:
        """The leases that have not run out, by board.

        Raises:
            TinyopsError: the file cannot be used.
        """
        if not self._database.is_there:
            return {}
        with contextlib.closing(self._database), self._database.reading() as connection:
            return {lease.board: lease for lease in self._live(connection)}

    def tokens(self) -> dict[str, int]:
        """The newest token of each board that ever was held.

        Raises:
            TinyopsError: the file cannot be used.
        """
        if not self._database.is_there:
            return {}
        with contextlib.closing(self._database), self._database.reading() as connection:
            return dict(connection.execute("SELECT board, token FROM tokens"))

    async def _take(self, boards: Sequence[str], purpose: str, holder: str, patience: Patience) -> Tenure:
        until, told = time.monotonic() + patience.seconds, ""
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(Busy):
                return self._try_to_take(boards, purpose, holder)
            busy = self._who_is_busy(boards)
            if busy and busy != told:
                told = busy
                patience.tell(f"{busy}; waiting up to {_minutes(left)}")
            await asyncio.sleep(min(_POLL_S, left))
        return self._try_to_take(boards, purpose, holder)

    def _who_is_busy(self, boards: Sequence[str]) -> str:
        with self._database.reading() as connection:
            try:
                _require_free(list(self._live(connection)), boards)
            except Busy as busy:
                return busy.message
        return ""

    def _try_to_take(self, boards: Sequence[str], purpose: str, holder: str) -> Tenure:
        with self._database.writing() as connection:
            _require_free(list(self._live(connection)), boards)
            now, ends = datetime.now(timezone.utc).isoformat(), self._ends()
            rows = [(board, holder, boot_id(), purpose, now, *ends) for board in boards]
            connection.executemany("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            tokens = {board: _next_token(connection, board) for board in boards}
        return Tenure(tokens, holder, ends[1], self._clock)

    def _live(self, connection: sqlite3.Connection) -> Iterator[Lease]:
        for row in connection.execute(f"SELECT {', '.join(_FIELDS)} FROM leases"):
            with checking(f"file of leases {self._database.path}, lease of {row[0]!r}", remedy=_REMEDY):
                lease = _LEASE.validate_python(dict(zip(_FIELDS, row, strict=True)))
            # Of another machine there is only the clock to go by.
            if lease.host != boot_id():
                is_live = lease.runs_out > time.time()
            else:
                is_live = lease.runs_out_since_boot > self._clock() and self._is_alive(lease.holder)
            if is_live:
                yield lease

    async def _beat(self, tenure: Tenure) -> None:
        while not tenure.lost:
            await asyncio.sleep(_HEARTBEAT_S)
            # Whatever it was may be over by the next beat; if not, the leases run out, and `require` says so.
            with contextlib.suppress(TinyopsError):
                self.renew(tenure)

    def renew(self, tenure: Tenure) -> None:
        """Let the leases live on. What ran out lives again if nobody has taken one of the boards, or the folder, since.

        Who has lost a board may change none of the others either, and their leases are left to run out.

        Raises:
            TinyopsError: the file cannot be used.
        """
        with self._database.writing() as connection:
            # None, where another host works with the folder.
            rows = connection.execute(
                "SELECT board FROM leases WHERE holder = ? AND NOT EXISTS "
                "(SELECT * FROM leases WHERE host != ? AND runs_out > ?)",
                (tenure.holder, boot_id(), time.time()),
            )
            own, ends = {board for (board,) in rows}, self._ends()
            lost = [board for board in tenure.tokens if board not in own]
            if not lost:
                connection.execute(
                    "UPDATE leases SET runs_out = ?, runs_out_since_boot = ? WHERE holder = ?", (*ends, tenure.holder)
                )
        tenure.lost = lost
        # As it stands in the file: nobody may think longer of a lease than others do.
        tenure.ends = ends[1]

    def _ends(self) -> tuple[float, float]:
        return time.time() + TIME_TO_LIVE_S, self._clock() + TIME_TO_LIVE_S

    def _give_back(self, tenure: Tenure) -> None:
        # Where it cannot be written, the file lock goes all the same, and with it the lease.
        with contextlib.suppress(TinyopsError), self._database.writing() as connection:
            connection.execute("DELETE FROM leases WHERE holder = ?", (tenure.holder,))

    @contextmanager
    def _alive(self, holder: str) -> Iterator[str]:
        """Hold a file lock, which the kernel gives back however this process ends."""
        path = self._lock(holder)
        make_folder(path.parent)
        with writing(f"lock {path}", remedy="make its folder writable"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield holder
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(descriptor)

    def _is_alive(self, holder: str) -> bool:
        path = self._lock(holder)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            # Somebody else's, whose lease has not run out.
            return True
        try:
            # Shared: two who ask at once must not take each other for the holder.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            with contextlib.suppress(OSError):
                path.unlink()
            return False
        finally:
            os.close(descriptor)

    def _lock(self, holder: str) -> Path:
        return self._folder / "holders" / holder


def _require_free(live: Sequence[Lease], boards: Sequence[str]) -> None:
    """See that no other host works here, and that nobody holds one of the boards."""
    wait = "wait until it has ended (--wait), or end it"
    foreign = next((lease for lease in live if lease.host != boot_id()), None)
    if foreign is not None:
        raise Busy(
            f"another host works with this workspace: {foreign.purpose}, since {_clock_time(foreign)}",
            remedy=f"{wait}; its leases run out {TIME_TO_LIVE_S:.0f} s after it has",
        )
    held = {lease.board: lease for lease in live}
    busy = [held[board] for board in boards if board in held]
    if busy:
        names = ", ".join(lease.board for lease in busy)
        verb = "is" if len(busy) == 1 else "are"
        raise Busy(f"{names} {verb} in use by {busy[0].purpose}, since {_clock_time(busy[0])}", remedy=wait)


def _next_token(connection: sqlite3.Connection, board: str, at_least: int = 1) -> int:
    row = connection.execute("SELECT token FROM tokens WHERE board = ?", (board,)).fetchone()
    token = max(at_least, (row[0] if row else 0) + 1)
    connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?)", (board, token))
    return token


def _clock_time(lease: Lease) -> str:
    return f"{lease.since.astimezone():%H:%M:%S}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
