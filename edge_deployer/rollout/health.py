"""Does a board that has the release still answer as it did when it accepted it?"""

from __future__ import annotations

from edge_deployer.boards.board import Board
from edge_deployer.finding import Finding
from edge_deployer.rollout.course import Course
from edge_deployer.rollout.latency_gate import slower_than_canary
from edge_deployer.rollout.refusals import Regressed
from edge_deployer.session import SessionError


async def probe_health(course: Course, name: str) -> Finding | None:
    """Ask a board its golden vectors once more; what has become worse is written down, and returned.

    A board that does not answer is away, which says nothing against the release.

    Raises:
        TinyopsError: a file cannot be written, or somebody else works with the board.
    """
    try:
        found = await course.attempt(name, lambda board, _: _regression(course, board))
    except SessionError as error:
        course.journal.note(name, "probe", error.message)
        return None
    if found is not None:
        regressed = Regressed(board=name, finding=found)
        course.journal.note(name, "probe", finding=regressed)
        course.log.write("regressed", {"finding": regressed.model_dump(mode="json")}, name)
        return regressed
    return None


async def _regression(course: Course, board: Board) -> Finding | None:
    again = await board.ask_again(course.trial, course.precedents)
    failure = again.evidence.failure
    if failure is not None and failure.kind == "board":
        return None
    if not again.verdict.accepted:
        return again.why
    return slower_than_canary(again.evidence, board.record.evidence, course.plan.strategy.latency_over_canary)
