"""The self-test: a board against a release that is known to be good. The only way out of quarantine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from edge_deployer.acceptance.verdict import BoardVerdict, Decided
from edge_deployer.boards.bench import Bench, HeldBoards
from edge_deployer.boards.board import Board
from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.boards.hand import is_at_rest
from edge_deployer.boards.journal import Journal, Watcher
from edge_deployer.boards.known_good import known_good
from edge_deployer.boards.log import BoardLog
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.refusals import OnTrial, SelfTested
from edge_deployer.boards.trail import Trail
from edge_deployer.ending import CutShort
from edge_deployer.finding import Finding, Told
from edge_deployer.inventory.inventory import BoardEntry, board_profile
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.session import DeviceSession, SessionError

_Result = Literal["passed", "failed", "undecided", "refused", "not reached"]
_RESULTS: dict[Decided, _Result] = {"accepted": "passed", "refused": "failed", "undecided": "undecided"}


@dataclass(frozen=True)
class SelfTest:
    """How one board's self-test ended."""

    board: str  # Its name.
    result: _Result  # ``refused`` and ``not reached`` are no tests: nothing was asked of the board.
    finding: Finding  # The same, and what to do next, where there is something.
    release: str | None = None  # Id of the release that it was tested against.
    verdict: BoardVerdict | None = None  # What the board's answers say; None where there was no test.
    quarantined: Finding | None = None  # Why the board is in quarantine now; None if it is not.
    # Whether the test has put the board in quarantine, or let it out.
    settled: Literal["confined", "released"] | None = None


async def self_test(bench: Bench, entries: Sequence[BoardEntry], watcher: Watcher) -> list[SelfTest]:
    """Test all boards at once, and let those that pass out of quarantine. Every board ends with the image it had.

    Raises:
        TinyopsError: no release is known to be good for one of the boards, or the virtual boards cannot be powered. No
            board was touched.
        CutShort: it was cancelled; every board was given its image back, and what each runs is said.
    """
    for entry in entries:
        known_good(bench, entry)
    records = [_record(entry) for entry in entries]
    with closing(Trail(bench.fleet)) as trail:
        journal = Journal(BoardLog(bench.workspace, watcher), trail)
        try:
            async with bench.hold(entries, "boards health") as held:
                work = (
                    _test(bench, held, entry, journal, record) for entry, record in zip(entries, records, strict=True)
                )
                # Exceptions wait until all have ended, a signal too: no board may lose power while it gets its image
                # back.
                found = await asyncio.gather(*work, return_exceptions=True)
        except asyncio.CancelledError:
            releases = bench.releases.ids()
            raise CutShort(f"{what_boards_run(records, releases)}; the quarantine is as it was") from None
        tests = []
        for test in found:
            if isinstance(test, BaseException):
                raise test
            tests.append(_settle(test, bench.quarantine, journal))
        return tests


def _record(entry: BoardEntry) -> BoardRecord:
    """As a staging board, whatever its pool: production boards are asked their golden vectors only."""
    return BoardRecord(
        name=entry.name, pool="staging", profile=entry.profile, virtual=entry.virtual, answer="not asked"
    )


async def _test(bench: Bench, held: HeldBoards, entry: BoardEntry, journal: Journal, record: BoardRecord) -> SelfTest:
    test = None
    try:
        async with held.session(entry, journal, stays_on_trial=True) as session:
            test = await _ask(session, bench, entry, journal, record)
    except SessionError as error:
        # Once there is a verdict, silence takes nothing from it.
        if test is None:
            record.answer = "silent"
            return SelfTest(entry.name, "not reached", Told(text=error.message, help=error.remedy))
    return test


async def _ask(
    session: DeviceSession, bench: Bench, entry: BoardEntry, journal: Journal, record: BoardRecord
) -> SelfTest:
    name = entry.name
    if not is_at_rest(await session.images()):
        return SelfTest(name, "refused", OnTrial(board=name))
    board = Board(session, record, board_profile(entry), journal, supply=bench.supply(entry))
    await board.probe()
    trial = known_good(bench, entry, record.image_before)
    journal.note(name, "self-test", f"against {trial.bundle.release_id}")
    try:
        verdict = await board.try_release(trial)
        if verdict.accepted and not board.was_changed:
            # A board that was given the release shows by taking it back whether an image survives a reset.
            await board.power_cycle(trial)
            verdict = board.examined.verdict
    finally:
        await board.take_back()
    restored, release = record.outcome != "not restored", trial.bundle.release_id
    result: _Result = _RESULTS[verdict.decision] if restored else "failed"
    ended = SelfTested(board=name, release=release, restored=restored, result=result, why=board.examined.why)
    return SelfTest(name, result, ended, release, verdict)


def _settle(test: SelfTest, quarantine: Quarantine, journal: Journal) -> SelfTest:
    """Let the board out of quarantine, or put it there, as the test says."""
    confinement = quarantine.boards().get(test.board)
    if test.result == "passed" and confinement:
        quarantine.release(test.board, f"self-test against {test.release}")
        journal.note(test.board, "released", "the board is no longer in quarantine")
        return replace(test, settled="released")
    if test.result == "failed" and confinement is None:
        quarantine.confine(test.board, test.finding)
        journal.note(test.board, "quarantined", finding=test.finding)
        return replace(test, settled="confined", quarantined=test.finding)
    return replace(test, quarantined=confinement.reason if confinement else None)
