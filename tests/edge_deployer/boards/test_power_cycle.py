"""The power cycle of acceptance: by the supply where a board has one, and said to be what it was."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge_deployer.acceptance.evidence import PowerCycle
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.board import Board
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.trial import Trial
from edge_deployer.inventory.power import PowerFailed, PowerSupply, VirtualSupply
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import write_bundle
from edge_deployer.release.keys import SigningKey
from edge_deployer.report.words import in_words
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.wire.inference import ResetReason
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.sessions import session_with
from tests.edge_deployer.virtual_board.running_board import running_board


class Broken:
    async def cycle(self) -> None:
        raise PowerFailed("b1", "relay off ended with exit status 1", remedy="see to the supply")


class PullsTheResetPin:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def cycle(self) -> None:
        with BoardControl(self._folder) as control:
            await asyncio.to_thread(control.reset)


class SwitchesNothing:
    """As a hub that answers, and has no switch in its ports."""

    async def cycle(self) -> None:
        return


@pytest.mark.parametrize(
    ("switched", "by", "actions"),
    [
        ("the board", "power", ["power cycle"]),
        ("its reset pin", None, ["power cycle"]),
        ("nothing", None, ["power cycle", "not power cycled", "power cycle"]),
        ("not at all", None, ["power cycle", "not power cycled", "power cycle"]),
        ("no supply", None, ["power cycle"]),
    ],
)
async def test_a_confirmed_release_survives_what_the_evidence_says(
    tmp_path: Path,
    signing_key: SigningKey,
    public_key: Path,
    make_candidate: MakeCandidate,
    switched: str,
    by: str | None,
    actions: list[str],
) -> None:
    bundle = write_bundle(make_candidate(4), tmp_path / "release", version="1.0.0+1", key=signing_key)
    trial = Trial.of(bundle, AcceptancePlan(better_than_constant=False))
    record, journal = BoardRecord(name="b1", pool="staging", profile="cortex-m4", virtual=True), Journal()
    supplies: dict[str, PowerSupply] = {
        "the board": VirtualSupply("b1", tmp_path / "b1"),
        "its reset pin": PullsTheResetPin(tmp_path / "b1"),
        "nothing": SwitchesNothing(),
        "not at all": Broken(),
    }
    with running_board(tmp_path / "b1", public_key) as powered:
        async with session_with(powered.url, line_rate=0) as session:
            board = Board(session, record, load_profile("cortex-m4"), journal, supply=supplies.get(switched))
            await board.probe()
            await board.try_release(trial)
            await board.confirm(bundle)
            before = len(journal.steps)
            await board.power_cycle(trial)
            reason = (await session.health()).reset_reason
    assert record.evidence is not None
    assert record.evidence.power_cycle is not None
    assert record.evidence.power_cycle.by == by
    assert reason is (ResetReason.POWER_ON if by == "power" else ResetReason.SOFTWARE)
    assert [step.action for step in journal.steps[before:]] == actions
    assert record.verdict is not None
    assert record.verdict.accepted
    check = next(check for check in record.verdict.checks if check.name == "power_cycle")
    said = {"power": "the release survives a power cycle", None: "the release survives a reset"}[by]
    assert said in in_words(check.finding)


def test_a_record_from_before_supplies_was_of_a_reset() -> None:
    assert PowerCycle.model_validate({"running_hash": "ab", "confirmed": True}).by is None
