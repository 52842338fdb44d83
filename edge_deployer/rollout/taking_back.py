"""The way back: every board that a rollout has changed gets what it had before, and is asked whether it has it."""

from __future__ import annotations

from collections.abc import Mapping

from edge_deployer.boards.board import Board
from edge_deployer.ending import uncut
from edge_deployer.rollout.course import Course
from edge_deployer.session import SessionError

_BACK = ("reverted", "rolled back")


async def take_back(course: Course, opened: Mapping[str, Board], *, on_trial_only: bool = False) -> None:
    """Take boards back, as many at once as the strategy allows. No signal cuts this short.

    A board that cannot be reached is on record as not restored; whoever comes next finds it there.

    Args:
        course: the rollout.
        opened: boards whose session is open, by name.
        on_trial_only: whether what was confirmed stays.

    Raises:
        TinyopsError: a file cannot be written, or somebody else has taken a board.
    """

    async def one(name: str) -> None:
        if name in opened:
            await opened[name].take_back()
            course.log.settle(course.record(name))
        else:
            await take_one_back(course, name)

    names = [
        name
        for name in course.plan.boards
        if name in course.progress.touched
        and course.record(name).outcome not in _BACK
        and not (on_trial_only and course.record(name).keeps_release)
    ]
    await uncut(course.each(names, one), f"{', '.join(names)} to be taken back" if names else "")


async def take_one_back(course: Course, name: str) -> None:
    """Take a board back, in as many attempts as the strategy allows.

    Raises:
        TinyopsError: see `take_back`.
    """
    record = course.record(name)

    async def restore(board: Board, is_last: bool) -> None:
        await board.take_back()
        if record.answer == "silent" and not is_last:
            raise SessionError(board.url, "it fell silent while it was taken back", remedy="")

    try:
        await course.attempt(name, restore)
    except SessionError as error:
        record.outcome, record.answer = "not restored", "silent"
        course.journal.note(name, "not restored", error.message)
    # A first release that was accepted, and is not there any more, has to be given again.
    was_accepted = course.progress.standing.get(name) == "accepted" and record.outcome in _BACK
    course.log.settle(record, "waiting" if was_accepted else None)
