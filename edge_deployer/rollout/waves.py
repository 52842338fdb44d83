"""Production: wave after wave, each past the gate of the one before."""

from __future__ import annotations

import asyncio
from time import monotonic

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.boards.board import Board
from edge_deployer.finding import Finding
from edge_deployer.rollout.course import Course, Stands, Stop
from edge_deployer.rollout.decision import (
    AwaitApproval,
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
from edge_deployer.rollout.refusals import (
    BoardInTrouble,
    NotConfirmed,
    TakenBack,
    TooFewSucceeded,
    TooManyFailed,
)
from edge_deployer.session import SessionError


class Waves:
    """Takes a release over the production boards of a rollout, as its strategy says."""

    def __init__(self, course: Course) -> None:
        self._course = course
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
            course.log.hear()
            match next_action(course.plan.strategy, course.progress.view):
                case Try(boards=boards):
                    await course.each(boards, self._try)
                case Watch(wave=wave):
                    await self._watch(wave)
                case AwaitApproval(wave=wave):
                    raise Stands("waits for approval", wave)
                case Pause():
                    raise Stands("paused")
                case TakeBack(why=why):
                    raise Stop("production", self._reason(why))
                case Finish():
                    return

    async def confirm_first_releases(self) -> None:
        """Keep the release where there was none before: once it is kept, there is no way back.

        Raises:
            Stop: a board does not keep it.
        """
        course = self._course
        on_trial = [
            name
            for name in course.plan.production
            if course.progress.standing[name] == "accepted" and course.record(name).outcome == "untouched"
        ]
        await course.each(on_trial, self._confirm_first_release)

    async def _try(self, name: str) -> None:
        """Give a board the release; a board whose turn comes after the rollout was stopped is left alone."""
        course = self._course
        if not may_go_on(
            course.plan.strategy, course.progress.failures, len(course.plan.production), course.log.hear()
        ):
            return
        record = course.record(name)
        try:
            accepted = await course.attempt(name, self._give)
        except SessionError as error:
            record.answer = "silent"
            self._troubles[name] = BoardInTrouble(board=name, message=error.message, help=error.remedy)
            course.journal.note(name, "left out", error.message)
            touched = name in course.progress.touched
            if touched:
                record.outcome = "not restored"
            course.log.settle(record, "failed" if touched else "away")
            self._blame(name)
            return
        course.log.settle(record, "accepted" if accepted else "failed")
        if not accepted:
            self._blame(name)

    async def _give(self, board: Board, is_last: bool) -> bool:
        """Install, examine, judge, and keep the release or take it back; whether the board keeps it.

        Raises:
            SessionError: the board does not answer, and may be tried again.
        """
        course, record = self._course, board.record
        if record.name not in course.progress.touched:
            await board.probe()
        verdict = await board.try_release(course.trial, staging=self._course.precedents)
        failure = record.evidence.failure if record.evidence else None
        if failure is not None and failure.kind == "board" and not is_last:
            raise SessionError(board.url, "the examination did not get to its end", remedy="")
        slow = self._too_slow(record.evidence) if verdict.accepted else None
        if slow is not None:
            self._troubles[record.name] = slow
            course.journal.note(record.name, "refused", finding=slow)
        if not verdict.accepted or slow is not None:
            await board.take_back()
            return False
        if board.can_be_rolled_back:
            await board.confirm(course.trial.bundle)
        return True

    def _too_slow(self, evidence: BoardEvidence | None) -> Finding | None:
        assert evidence is not None
        strategy, course = self._course.plan.strategy, self._course
        others = (course.record(name) for name in course.plan.production)
        canary = next(
            (
                other.evidence
                for other in others
                if other.evidence is not None
                and other.evidence is not evidence
                and other.evidence.profile == evidence.profile
                and course.progress.standing[other.name] == "accepted"
            ),
            None,
        )
        return slower_than_canary(evidence, canary, strategy.latency_over_canary) or slower_than_production(
            evidence, course.before.get(evidence.profile), strategy.latency_over_production
        )

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

    async def _confirm_first_release(self, name: str) -> None:
        course = self._course

        async def keep(board: Board, _: bool) -> None:
            verdict = board.record.verdict
            if not await board.has_on_trial(course.trial.bundle):
                verdict = await board.try_release(course.trial, staging=self._course.precedents)
            if verdict is None or not verdict.accepted:
                raise Stop("production", None)
            await board.confirm(course.trial.bundle)

        try:
            await course.attempt(name, keep)
        except SessionError as error:
            raise Stop("production", NotConfirmed(board=name, message=error.message)) from error
        course.log.settle(course.record(name), "accepted")

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
            return TooFewSucceeded(wanted=strategy.min_success, failed=tuple(failed), away=tuple(away))
        if strategy.tolerated(pool) == 0:
            refused = any((verdict := course.record(name).verdict) and not verdict.accepted for name in failed)
            return None if refused else next((self._troubles[name] for name in failed if name in self._troubles), None)
        return TooManyFailed(failed=tuple(failed), tolerated=strategy.tolerated(pool), pool=pool)
