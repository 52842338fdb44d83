"""Production: wave after wave, each past the gate of the one before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.boards.board import Board
from edge_deployer.finding import Finding
from edge_deployer.rollout.course import Course, Stands, Stop
from edge_deployer.rollout.decision import (
    Action,
    AwaitApproval,
    CatchUp,
    Finish,
    Pause,
    TakeBack,
    Try,
    Watch,
    may_go_on,
    next_action,
)
from edge_deployer.rollout.health import probe_health
from edge_deployer.rollout.latency_gate import slower_than_canary, slower_than_production
from edge_deployer.rollout.preparation import Preparation
from edge_deployer.rollout.refusals import (
    BoardInTrouble,
    TakenBack,
    TooFewSucceeded,
    TooManyFailed,
)
from edge_deployer.rollout.taking_back import take_one_back
from edge_deployer.session import SessionError


class Waves:
    """Takes a release over the production boards of a rollout, as its strategy says.

    Args:
        course: the rollout.
        preparation: of boards that were away before.
    """

    def __init__(self, course: Course, preparation: Preparation) -> None:
        self._course, self._preparation = course, preparation
        self._canaries: dict[str, BoardEvidence] = {}  # By profile, the first that accepted.
        for name in course.plan.production:
            self._note_canary(name)
        self._troubles: dict[str, Finding] = {}

    async def run(self) -> None:
        """Until every wave has passed its gate.

        Raises:
            Stop: too many boards fail, a regression is found, or somebody wants it taken back.
            Stands: somebody has paused it, or has to approve a wave.
            TinyopsError: a file cannot be written, or somebody else works with a board.
        """
        course = self._course
        while True:
            match self._next():
                case Try(boards=boards, ahead=ahead):
                    async with self._loading(ahead):
                        await course.each(boards, self._try)
                case Watch(wave=wave):
                    await self._watch(wave)
                case CatchUp(away=away):
                    await self._catch_up(away)
                case AwaitApproval(wave=wave):
                    raise Stands("waits for approval", wave)
                case Pause():
                    raise Stands("paused")
                case TakeBack(why=why):
                    raise Stop("production", self._reason(why))
                case Finish():
                    return

    def _next(self) -> Action:
        self._course.log.hear()
        return next_action(self._course.plan.strategy, self._course.progress.view)

    async def confirm_first_releases(self) -> None:
        """Keep the release where there was none before: once it is kept, there is no way back.

        Raises:
            Stop: too many boards do not keep it.
        """
        course = self._course
        on_trial = [
            name
            for name in course.plan.production
            if course.progress.standing[name] == "accepted" and not course.record(name).keeps_release
        ]
        await course.each(on_trial, self._keep)
        if on_trial:
            await self.run()

    async def _catch_up(self, away: Sequence[str]) -> None:
        course, progress = self._course, self._course.progress
        await course.each([name for name in away if not course.record(name).quarantined], self._try)
        unknown = [name for name in course.plan.production if course.record(name).outcome == "not restored"]
        await course.each(unknown, self._restore)
        if progress.wish is None:
            course.log.write("caught up", {})

    async def _restore(self, name: str) -> None:
        await take_one_back(self._course, name)

    async def _try(self, name: str) -> None:
        """Give a board the release; a board whose turn comes after the rollout was stopped is left alone."""
        if self._may_go_on():
            await self._work(name, self._give)

    @asynccontextmanager
    async def _loading(self, boards: Sequence[str]) -> AsyncIterator[None]:
        """A block during which the release is brought to boards; it is done with that, unless the rollout stops."""
        loads = asyncio.create_task(self._course.each(boards, self._load))
        try:
            yield
            if not isinstance(self._next(), (TakeBack, Pause)):
                await loads
        finally:
            loads.cancel()
            await asyncio.gather(loads, return_exceptions=True)

    async def _load(self, name: str) -> None:
        """Bring the release to a board whose turn is next; one that does not take it now is tried in its turn.

        Nothing else is done for it: a silent board keeps its power, and one that somebody else uses ends nothing.
        """
        course = self._course
        has_answered = course.record(name).answer == "runs" and name not in course.progress.touched
        if not has_answered or not self._may_go_on():
            return
        course.held.require()
        try:
            async with course.held.session(course.entries[name]) as session:
                await course.board_of(session, course.record(name)).load(course.trial.bundle)
        except SessionError as error:
            course.journal.note(name, "load", f"could not be brought ahead: {error.message}")

    def _may_go_on(self) -> bool:
        course, pool = self._course, len(self._course.plan.production)
        return may_go_on(course.plan.strategy, course.progress.failures, pool, course.log.hear())

    async def _keep(self, name: str) -> None:
        await self._work(name, self._keep_first_release)

    async def _work(self, name: str, work: Callable[[Board, bool], Awaitable[None]]) -> None:
        """Work on a board until it is settled; where it falls silent, it is away, or has failed if it was changed."""
        course, record = self._course, self._course.record(name)
        try:
            await course.attempt(name, work)
        except SessionError as error:
            record.answer = "silent"
            self._troubles[name] = BoardInTrouble(board=name, message=error.message, help=error.remedy)
            course.journal.note(name, "left out", error.message)
            touched = name in course.progress.touched
            if touched:
                record.outcome = "not restored"
            else:
                # What an attempt found out before it fell silent is no verdict on a release that it was not given.
                record.evidence = record.verdict = None
            course.log.settle(record, "failed" if touched else "away")
        if course.progress.standing[name] == "failed":
            self._blame(name)
        self._note_canary(name)

    async def _give(self, board: Board, is_last: bool) -> None:
        """Install, examine, judge, and keep the release or take it back.

        Raises:
            SessionError: the board does not answer, and may be tried again.
        """
        course, record = self._course, board.record
        if record.name in course.progress.touched:
            # An earlier attempt, or an earlier process, may have come further than is on record.
            record.outcome = "untouched"
            await board.see()
        elif record.answer != "runs" and await self._preparation.meet(board):
            return
        if await self._is_accepted(board, is_last):
            if board.can_be_rolled_back:
                await board.confirm(course.trial.bundle)
            course.log.settle(record, "accepted")

    async def _keep_first_release(self, board: Board, is_last: bool) -> None:
        bundle = self._course.trial.bundle
        # An earlier process may have had it confirmed, and no time to say so.
        await board.see()
        if board.runs(bundle) or await board.has_on_trial(bundle) or await self._is_accepted(board, is_last):
            await board.confirm(bundle)
            self._course.log.settle(board.record, "accepted")

    async def _is_accepted(self, board: Board, is_last: bool) -> bool:
        """Put the release on trial and judge it; where it is refused, the board is taken back, and has failed."""
        course, record = self._course, board.record
        verdict = await board.try_release(course.trial, staging=course.precedents)
        failure = record.evidence.failure if record.evidence else None
        if failure is not None and failure.kind == "board" and not is_last:
            raise SessionError(board.url, "the examination did not get to its end", remedy="")
        slow = self._too_slow(record.evidence) if verdict.accepted else None
        if verdict.accepted and slow is None:
            return True
        if slow is not None:
            self._troubles[record.name] = slow
            course.journal.note(record.name, "refused", finding=slow)
        await board.take_back()
        course.log.settle(record, "failed")
        return False

    def _too_slow(self, evidence: BoardEvidence | None) -> Finding | None:
        assert evidence is not None
        strategy, course = self._course.plan.strategy, self._course
        canary, before = self._canaries.get(evidence.profile), course.before.get(evidence.profile)
        return slower_than_canary(evidence, canary, strategy.latency_over_canary) or slower_than_production(
            evidence, before, strategy.latency_over_production
        )

    def _note_canary(self, name: str) -> None:
        progress = self._course.progress
        evidence = progress.records[name].evidence
        if evidence is not None and progress.standing[name] == "accepted":
            self._canaries.setdefault(evidence.profile, evidence)

    def _blame(self, name: str) -> None:
        """A board that does not answer where others do is not to be trusted."""
        course, record = self._course, self._course.record(name)
        failure = record.evidence.failure if record.evidence else None
        silent = record.answer == "silent" or (failure is not None and failure.kind == "board")
        peers = any(standing == "accepted" for standing in course.progress.standing.values())
        if silent and peers and course.progress.standing[name] == "failed":
            reason = self._troubles.get(name) or (failure.reason if failure else None)
            assert reason is not None
            course.quarantine.confine(name, reason)
            course.journal.note(name, "quarantined", finding=reason)

    async def _watch(self, wave: int) -> None:
        """Ask a wave's boards again and again whether they answer as they did when they accepted the release."""
        course, bake = self._course, self._course.plan.strategy.bake
        assert bake is not None
        boards = [name for name in course.plan.waves[wave] if course.progress.standing[name] == "accepted"]
        until = monotonic() + bake.seconds
        while (left := until - monotonic()) > 0 and course.log.hear() is None:
            await asyncio.sleep(min(bake.probe_every_s, left))
            await course.each(boards, self._probe)
            if course.progress.regressed:
                return
        if course.progress.wish is None:
            course.log.write("watched", {"wave": wave})

    async def _probe(self, name: str) -> None:
        await probe_health(self._course, name)

    def _reason(self, why: str) -> Finding | None:
        """Why all is taken back; None where the verdicts of the boards say it."""
        course, strategy = self._course, self._course.plan.strategy
        pool = len(course.plan.production)
        if why == "regressed":
            return course.progress.reason
        if why in ("aborted", "rolled back"):
            wish = course.progress.wished
            return TakenBack(wish=wish["wish"], who=wish["who"], why=wish["why"])
        failed = [name for name, standing in course.progress.standing.items() if standing == "failed"]
        if why == "too few succeeded":
            away = [name for name, standing in course.progress.standing.items() if standing == "away"]
            if len(away) == 1 and not failed and away[0] in self._troubles:
                return self._troubles[away[0]]
            wanted = 1.0 if strategy.min_success is None else strategy.min_success
            return TooFewSucceeded(wanted=wanted, failed=tuple(failed), away=tuple(away))
        verdicts = [verdict for name in failed if (verdict := course.record(name).verdict)]
        if sum(not verdict.accepted for verdict in verdicts) > strategy.tolerated(pool):
            return None
        if strategy.tolerated(pool) == 0:
            return next((self._troubles[name] for name in failed if name in self._troubles), None)
        return TooManyFailed(failed=tuple(failed), tolerated=strategy.tolerated(pool), pool=pool)
