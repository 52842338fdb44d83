"""Before a release goes anywhere: what each board has, and whether the release may go there at all."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from math import prod

from edge_deployer.boards.board import Board
from edge_deployer.finding import Finding
from edge_deployer.rollout.course import Course, Stop
from edge_deployer.rollout.record import NO_WAY_BACK
from edge_deployer.rollout.refusals import (
    AnotherKindOfModel,
    BoardInTrouble,
    InQuarantine,
    LeftOut,
    NoWayBack,
    TooFewBoards,
)
from edge_deployer.session import SessionError
from edge_deployer.task_name import TaskName
from edge_deployer.wire.mcuboot import parse_image

TaskOf = Callable[[str], TaskName | None]
"""The task of the release with an image hash; None where nobody knows."""


def security_counter(image: bytes) -> int:
    """Of a signed image; a board that has confirmed a greater one boots it no more."""
    return parse_image(image).security_counter


class Preparation:
    """Asks every board what it runs for good, before any is given the release.

    Args:
        course: the rollout.
        task_of: of releases, for production not to be given one of another kind; None: whatever runs may be replaced.
        is_accepted: whether the release was accepted before: a production board that has it is then asked no more.
    """

    def __init__(self, course: Course, task_of: TaskOf | None, *, is_accepted: bool = False) -> None:
        self._course, self._task_of, self._is_accepted = course, task_of, is_accepted
        self._absent: list[Finding] = []

    async def staging(self, sessions: AsyncExitStack) -> dict[str, Board]:
        """The staging boards that answer, each with a session that stays open. One that does not is left out."""
        boards = {}
        for name in self._course.plan.staging:
            board = await self._staging_board(name, sessions)
            if board is not None:
                boards[name] = board
        return boards

    async def production(self) -> None:
        """What production runs; a board that cannot be asked stops the rollout, unless the strategy bears it.

        Raises:
            Stop: a board is in quarantine, does not answer, or runs another kind of model.
        """
        course = self._course
        unknown = [
            name
            for name in course.plan.production
            if course.progress.standing[name] == "waiting" and name not in course.progress.touched
        ]
        await course.each(unknown, self._find)

    def require_way_back(self) -> None:
        """See that boards can be taken back, or that somebody has approved that they cannot.

        Once a board has confirmed an image with a greater security counter, it boots none with a lower one.

        Raises:
            Stop: there is no way back for some, and nobody has approved that.
        """
        course = self._course
        counter = security_counter(course.trial.bundle.image.data)
        if counter == 0 or NO_WAY_BACK in course.progress.approvals:
            return
        lost = tuple(name for name in course.plan.boards if self._is_below(name, counter))
        if lost:
            raise Stop("boards", NoWayBack(boards=lost, counter=counter))

    def _is_below(self, name: str, counter: int) -> bool:
        before = self._course.record(name).image_before
        if before is None or before == self._course.trial.image_hash:
            return False
        image = self._course.image_of(self._course.entries[name], before)
        return image is None or security_counter(image) < counter

    async def meet(self, board: Board) -> bool:
        """Learn what a production board has, before it is given anything; whether it needs nothing.

        Raises:
            Stop: it runs another kind of model.
            SessionError: it does not answer.
        """
        record = board.record
        await board.probe()
        await self._require_same_work(board)
        if not self._is_accepted or not board.runs(self._course.trial.bundle):
            self._course.log.settle(record)
            return False
        record.outcome = "unchanged"
        self._course.log.settle(record, "accepted")
        return True

    def require_healthy(self, boards: Collection[Board]) -> None:
        """Stop before anything is installed where staging has too few boards for a verdict."""
        course = self._course
        entries = [course.entries[name] for name in course.plan.staging]
        wanted = sum(not entry.spare for entry in entries)
        quorum = course.trial.plan.quorum_of(wanted)
        there = {board.record.name for board in boards}
        absent_profiles = {entry.profile for entry in entries} - {e.profile for e in entries if e.name in there}
        if len(there) >= quorum and not absent_profiles:
            return
        missing = max(1, quorum - len(there))
        raise Stop("boards", TooFewBoards(quorum=quorum, missing=missing, absent=tuple(self._absent)), "no verdict")

    async def _staging_board(self, name: str, sessions: AsyncExitStack) -> Board | None:
        course, record = self._course, self._course.record(name)
        if record.quarantined:
            course.journal.note(name, "in quarantine", finding=record.quarantined)
            self._absent.append(InQuarantine(board=name, reason=record.quarantined))
            return None
        try:
            async with AsyncExitStack() as own:
                board = await own.enter_async_context(course.board(name))
                await self._learn(board)
                sessions.push_async_exit(own.pop_all())
        except SessionError as error:
            record.answer = "silent"
            course.journal.note(name, "left out", error.message)
            self._absent.append(LeftOut(board=name, message=error.message))
            return None
        return board

    async def _learn(self, board: Board) -> None:
        """What a board had before this rollout; one that the rollout has changed before is given that back first.

        One that had nothing before, and keeps the release by now, has nothing to be given back.
        """
        if board.was_changed:
            await self._give_back(board)
        else:
            await board.probe()
        self._course.log.settle(board.record)

    async def _give_back(self, board: Board) -> None:
        await board.see()
        if board.record.image_before is not None or not board.runs(self._course.trial.bundle):
            await board.take_back()
            if board.record.outcome == "not restored":
                raise SessionError(board.url, "it could not be given its earlier image back", remedy="see its log")
        board.record.outcome = "untouched"

    async def _find(self, name: str) -> None:
        course, record = self._course, self._course.record(name)
        bears = course.plan.strategy.bears_absence
        if record.quarantined:
            if not bears:
                raise Stop("boards", InQuarantine(board=name, reason=record.quarantined))
            course.journal.note(name, "in quarantine", finding=record.quarantined)
            course.log.settle(record, "away")
            return
        try:
            await course.attempt(name, lambda board, _: self.meet(board))
        except SessionError as error:
            record.answer = "silent"
            if not bears:
                raise Stop("boards", BoardInTrouble(board=name, message=error.message, help=error.remedy)) from error
            course.journal.note(name, "left out", error.message)

    async def _require_same_work(self, board: Board) -> None:
        """Stop before anything is installed where a production board's model does something else.

        A model that cannot be asked may be replaced by any other.
        """
        trial, image = self._course.trial, board.record.image_after
        if self._task_of is None or image is None or board.runs(trial.bundle):
            return
        info = await board.model_in_production()
        if info is None:
            return
        ours, task = trial.bundle.acceptance, self._task_of(image)
        pairs: list[tuple[str, object, object]] = [
            ("input shape", list(info.input.sample_shape), list(ours.input.sample_shape)),
            ("number of outputs", prod(info.output.sample_shape), prod(ours.output.sample_shape)),
        ]
        if task is not None and ours.task is not None:
            pairs.append(("task", task, ours.task.name))
        differences = tuple((what, str(theirs), str(its)) for what, theirs, its in pairs if theirs != its)
        if differences:
            raise Stop("boards", AnotherKindOfModel(board=board.record.name, differences=differences))
