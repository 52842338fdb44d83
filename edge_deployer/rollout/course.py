"""A rollout under way: its release, its record, and the way to each of its boards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeVar

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.boards.board import Board
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.trial import Trial
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Finding
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.inventory.power import PowerSupply
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.profile import BoardProfile
from edge_deployer.rollout.deployment import Gate
from edge_deployer.rollout.record import Progress, RolloutLog, RolloutPlan
from edge_deployer.session import DeviceSession, InUse, SessionError

Result = TypeVar("Result")


class Stop(Exception):
    """Ends a deployment: the release does not go on.

    Attributes:
        gate: where it stops.
        reason: why; None where verdicts say it.
        outcome: of the deployment.
    """

    def __init__(
        self, gate: Gate, reason: Finding | None, outcome: Literal["refused", "no verdict"] = "refused"
    ) -> None:
        super().__init__(gate)
        self.gate = gate
        self.reason = reason
        self.outcome = outcome


class Stands(Exception):
    """The rollout goes on only when somebody asks for it.

    Attributes:
        state: in which it stands.
        wave: that has to be approved.
    """

    def __init__(self, state: Literal["paused", "waits for approval"], wave: int | None = None) -> None:
        super().__init__(state)
        self.state: Literal["paused", "waits for approval"] = state
        self.wave = wave


class Holds(Protocol):
    """Who holds the boards, see `HeldBoards`."""

    def require(self) -> None:
        """To be called before a board is changed."""

    def session(self, entry: BoardEntry, journal: Journal | None = None) -> AbstractAsyncContextManager[DeviceSession]:
        """A session with a board."""

    def supply(self, entry: BoardEntry) -> PowerSupply | None:
        """What switches a board's power; None where nothing can."""


class _TriedInVain(Exception):
    """A board does not answer, and there is another attempt."""


@dataclass
class Course:
    """What all parts of a rollout share.

    Attributes:
        given: the release and its terms; None where boards are only taken back.
        entries: the boards, by name.
        profiles: theirs, by the name or path that an entry gives.
        log: where decisions are written, and how far the rollout is.
        journal: where every step goes.
        held: the way to the boards.
        quarantine: of the workspace.
        image_of: where an earlier image comes from that is on a board no more.
        before: 95th percentile of the latency of what production had, microseconds, by profile; where it is known.
        precedents: the evidence of the staging boards that have accepted the release.
    """

    given: Trial | None
    entries: Mapping[str, BoardEntry]
    profiles: Mapping[str, BoardProfile]
    log: RolloutLog
    journal: Journal
    held: Holds
    quarantine: Quarantine
    image_of: Callable[[BoardEntry, str], bytes | None]
    before: Mapping[str, int]
    precedents: Sequence[BoardEvidence] = ()

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.plan.strategy.concurrency)

    @property
    def trial(self) -> Trial:
        """The release and its terms."""
        assert self.given is not None
        return self.given

    @property
    def plan(self) -> RolloutPlan:
        """What the rollout is to do."""
        return self.log.progress.plan

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self.log.progress

    def record(self, name: str) -> BoardRecord:
        """What is known of a board."""
        return self.progress.records[name]

    @asynccontextmanager
    async def board(self, name: str) -> AsyncIterator[Board]:
        """A board with a session of its own, and what it runs.

        Raises:
            SessionError: the board does not answer.
            TinyopsError: somebody else works with it, which says nothing against the release.
        """
        entry, record = self.entries[name], self.record(name)
        self.held.require()
        try:
            async with self.held.session(entry, self.journal) as session:
                yield self.board_of(session, record)
        except InUse as error:
            raise TinyopsError(f"{name}: {error.message}", remedy=error.remedy) from error

    def board_of(self, session: DeviceSession, record: BoardRecord) -> Board:
        """A board by its open session."""
        entry = self.entries[record.name]
        return Board(
            session,
            record,
            self.profiles[entry.profile],
            self.journal,
            supply=self.held.supply(entry),
            image_of=partial(self.image_of, entry),
            was_changed=record.name in self.progress.touched,
        )

    async def attempt(self, name: str, work: Callable[[Board, bool], Awaitable[Result]]) -> Result:
        """Do something with a board; where it does not answer, again, after a wait that doubles each time.

        Args:
            name: of the board.
            work: is given the board by a new session, and whether this is the last attempt.

        Raises:
            SessionError: it does not answer at the last attempt either.
            TinyopsError: somebody else works with it.
        """
        strategy = self.plan.strategy
        for failed in range(strategy.retries):
            with suppress(_TriedInVain):
                return await self._attempt(name, work, strategy.backoff_s * 2**failed)
        async with self.board(name) as board:
            return await work(board, True)

    async def _attempt(self, name: str, work: Callable[[Board, bool], Awaitable[Result]], wait_s: float) -> Result:
        try:
            async with self.board(name) as board:
                return await work(board, False)
        except SessionError as error:
            self.journal.note(name, "try again", f"in {wait_s:g} s: {error.message}")
            await asyncio.sleep(wait_s)
            raise _TriedInVain from error

    async def each(self, names: Collection[str], work: Callable[[str], Awaitable[None]]) -> None:
        """Do something for several boards, as many at once as the strategy allows; all end, Ctrl-C or not.

        Whoever asked first comes first. The work must not ask for `each` itself.
        """

        async def one(name: str) -> None:
            async with self._free:
                await work(name)

        await all_end(one(name) for name in names)


async def all_end(work: Iterable[Awaitable[object]]) -> None:
    """Wait for all, Ctrl-C or not: no board may be taken back while it is still being asked."""
    for ended in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
