"""One release on its way over the boards: staging together, production in waves, back if it is refused.

A staging board's session is open for the whole way, a production board's while its wave is worked on. A board is
confirmed only after its pool's verdict; until then a reset takes it back to the release it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

from edge_deployer.acceptance.check import asks_for
from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.boards.board import Board
from edge_deployer.errors import TinyopsError
from edge_deployer.rollout.course import Course, Stands, Stop
from edge_deployer.rollout.preparation import Preparation, TaskOf
from edge_deployer.rollout.refusals import Interrupted, NotConfirmed
from edge_deployer.rollout.staging import StagingPool
from edge_deployer.rollout.taking_back import take_back
from edge_deployer.rollout.waves import Waves
from edge_deployer.session import InUse, SessionError


class Promotion:
    """Takes a release over the boards of a rollout.

    Args:
        course: the rollout.
        task_of: see `Preparation`.
        is_accepted: whether the release was accepted by the same plan before: production boards that run it still need
            nothing.
    """

    def __init__(self, course: Course, task_of: TaskOf | None = None, *, is_accepted: bool) -> None:
        self._course, self._trial, self._is_accepted = course, course.trial, is_accepted
        self._preparation = Preparation(course, task_of, is_accepted=is_accepted)
        self._waves = Waves(course, self._preparation)
        self._pool: StagingPool | None = None
        self._confined: set[str] = set()

    async def run(self) -> bool:
        """Release; True if a board was changed.

        Raises:
            Stop: the release does not go on; every board is as it was, or the record says which is not.
            Stands: somebody has to say how it goes on.
            TinyopsError: a file cannot be written, or somebody else has taken a board: nothing more was changed, and
                whoever comes next finishes the rollout or takes it back.
        """
        opened: dict[str, Board] = {}
        async with AsyncExitStack() as sessions, AsyncExitStack() as order:
            order.push_async_exit(partial(self._leave_in_order, opened))
            await self._run(opened, sessions)
        return bool(self._course.progress.touched)

    async def _leave_in_order(
        self, opened: Mapping[str, Board], _: object, error: BaseException | None, __: object
    ) -> None:
        """However it ended, a signal too, no board stays on trial, as long as boards may be changed at all."""
        course = self._course
        # Nobody may change a board without a journal, or without its lease.
        is_held_up = isinstance(error, TinyopsError) and not isinstance(error, SessionError)
        if error is None or is_held_up or isinstance(error, InUse):
            return
        if isinstance(error, Stop):
            course.log.turn_back(error.gate, error.reason, error.outcome)
        elif course.plan.takes_back and not isinstance(error, (SessionError, Stands)):
            course.log.turn_back("production", Interrupted(), "refused")
        await take_back(course, opened, on_trial_only=not course.progress.turned_back)

    async def _run(self, opened: dict[str, Board], sessions: AsyncExitStack) -> None:
        course = self._course
        stages = course.progress.accepted is None and course.plan.precedents is None
        if stages:
            if course.progress.staging is not None:
                course.log.write("staging again", {})
            opened.update(await self._preparation.staging(sessions))
        await self._preparation.production()
        if self._is_accepted and all(course.record(name).outcome == "unchanged" for name in course.plan.production):
            return
        self._preparation.require_way_back()
        if stages:
            self._preparation.require_healthy(opened.values())
            await self._stage(list(opened.values()))
        await self._waves.run()
        if self._pool is not None:
            await self._keep(self._pool, first_releases=True)
            self._note_acceptance()
        await self._waves.confirm_first_releases()

    async def _stage(self, boards: list[Board]) -> None:
        course = self._course
        self._pool = self._staging_pool(boards)
        await self._settle(self._pool, await self._pool.try_release())
        # A board without an earlier release stays on trial until the last board has accepted: once it is confirmed,
        # there is nothing to go back to.
        await self._keep(self._pool, first_releases=False)
        course.precedents = [board.examined.evidence for board in self._pool.accepting]
        self._note_acceptance()

    def _note_acceptance(self) -> None:
        """Whoever comes next need not stage again, once all that staging accepted is kept there."""
        course, pool = self._course, self._pool
        assert pool is not None
        assert course.progress.staging is not None
        if course.progress.accepted is None and all(board.keeps_release for board in pool.accepting):
            course.log.write("staging accepted", course.progress.staging.model_dump(mode="json"))

    def _staging_pool(self, boards: list[Board]) -> StagingPool:
        records = [self._course.record(name) for name in self._course.plan.production]
        return StagingPool(
            sorted(boards, key=lambda board: board.record.spare),
            self._trial,
            wanted=sum(not self._course.entries[name].spare for name in self._course.plan.staging),
            in_production=frozenset(record.image_after for record in records if record.image_after),
        )

    async def _settle(self, staging: StagingPool, verdict: PoolVerdict) -> None:
        """Quarantine whom the verdict does not trust; go on only if it accepts."""
        course = self._course
        course.log.judge(verdict, [board.record for board in staging.tried])
        for board in staging.tried:
            reason = verdict.quarantined.get(board.record.name)
            if reason and board.record.name not in self._confined:
                self._confined.add(board.record.name)
                course.quarantine.confine(board.record.name, reason)
                course.journal.note(board.record.name, "quarantined", finding=reason)
                await board.take_back()
                course.log.settle(board.record)
        if verdict.decision != "accepted":
            raise Stop("staging", None, verdict.decision)

    async def _keep(self, staging: StagingPool, *, first_releases: bool) -> None:
        """Confirm the release on the staging boards that accept it, and see that it survives there.

        A spare stands in for a board on which it does not.
        """
        while boards := [
            board
            for board in staging.accepting
            if board.can_be_rolled_back != first_releases and not board.keeps_release
        ]:
            for board in boards:
                await self._confirm(board)
            if asks_for(self._trial.plan, "power cycle"):
                await staging.power_cycle(boards)
                await self._settle(staging, await staging.try_release())

    async def _confirm(self, board: Board) -> None:
        try:
            await board.confirm(self._trial.bundle)
        except InUse:
            raise
        except SessionError as error:
            raise Stop("staging", NotConfirmed(board=board.record.name, message=error.message)) from error
        self._course.log.settle(board.record)
