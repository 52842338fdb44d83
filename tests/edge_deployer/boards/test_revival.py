"""A board that does not answer: its power is cycled once, where something can do that, and then it is asked again."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards import bench as bench_module
from edge_deployer.boards import revival
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.revival import revived
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import load_inventory
from edge_deployer.inventory.power import PowerFailed, supply_of
from edge_deployer.rollout.release_line import ReleaseLine
from edge_deployer.session import BoardGone, BoardRefused, DeviceSession, LineError, PortInUse, SessionError
from edge_deployer.wire.inference import ResetReason
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.inventories import FAST, virtual, write_inventory, write_profile
from tests.edge_deployer.outcomes import assert_outcome
from tests.edge_deployer.sessions import session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard, running_board

SILENT = BoardGone("/dev/ttyACM0", "no answer")
GARBLED = LineError("/dev/ttyACM0", "only damaged bytes come back")
WEDGED = {"stuck": {"request": 1}}
"""It hangs at the first request, until its power is cycled."""


class Supply:
    def __init__(self, failure: TinyopsError | None = None) -> None:
        self.cycles, self._failure = 0, failure

    async def cycle(self) -> None:
        self.cycles += 1
        if self._failure:
            raise self._failure


def answering(*outcomes: SessionError | str) -> Callable[[], Awaitable[str]]:
    """Each attempt to reach a board comes to the next of these."""
    left = iter(outcomes)

    async def reach() -> str:
        outcome = next(left)
        if isinstance(outcome, SessionError):
            raise outcome
        return outcome

    return reach


@pytest.mark.parametrize("silence", [SILENT, GARBLED])
async def test_a_board_that_does_not_answer_is_power_cycled_once_and_asked_until_it_has_booted(
    silence: SessionError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revival, "_POLL_S", 0.0)
    journal, supply = Journal(), Supply()
    assert await revived(answering(silence, SILENT, GARBLED, "here"), "b1", supply, journal) == "here"
    assert supply.cycles == 1
    assert [(step.board, step.action, step.detail) for step in journal.steps] == [
        ("b1", "power cycle", f"it does not answer: {silence.message}")
    ]


async def test_one_that_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revival, "_BACK_S", -1.0)
    journal, supply = Journal(), Supply()
    with pytest.raises(BoardGone) as raised:
        await revived(answering(GARBLED, SILENT), "b1", supply, journal)
    assert raised.value is SILENT
    assert supply.cycles == 1


@pytest.mark.parametrize(
    "answer",
    [
        PortInUse("/dev/ttyACM0"),
        BoardRefused("/dev/ttyACM0", "be claimed", group=65, code=9, words="a newer epoch has claimed the board"),
        SessionError("/dev/ttyACM0", "an image is still on trial", remedy="confirm or erase by hand"),
        "here",
    ],
)
async def test_a_board_that_is_alive_keeps_its_power(answer: SessionError | str) -> None:
    journal, supply = Journal(), Supply()
    reach = answering(answer)
    if isinstance(answer, str):
        assert await revived(reach, "b1", supply, journal) == answer
    else:
        with pytest.raises(type(answer)):
            await revived(reach, "b1", supply, journal)
    assert (supply.cycles, journal.steps) == (0, [])


async def test_what_cannot_be_power_cycled_is_given_up_with_what_the_board_did() -> None:
    journal = Journal()
    with pytest.raises(BoardGone):
        await revived(answering(SILENT), "b1", None, journal)
    assert journal.steps == []
    failure = PowerFailed("b1", "relay off ended with exit status 1", remedy="see to the supply")
    with pytest.raises(BoardGone):
        await revived(answering(SILENT), "b1", Supply(failure), journal)
    assert [(step.action, step.detail) for step in journal.steps] == [
        ("power cycle", f"it does not answer: {SILENT.message}"),
        ("not power cycled", failure.message),
    ]


async def test_a_wedged_virtual_board_is_revived_for_a_command_that_changes_it_and_not_for_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_module, "DeviceSession", partial(DeviceSession, request_timeout_s=0.5))
    write_profile(tmp_path, "fast", **FAST)
    (tmp_path / "wedged.yaml").write_text(yaml.safe_dump(WEDGED))
    boards = [virtual("b1", "staging", faults="wedged.yaml"), virtual("p1", "production")]
    bench, journal = Bench.load(write_inventory(tmp_path, boards), tmp_path / "workspace"), Journal()
    entry = bench.entry("b1")
    async with bench.hold([entry], "a test") as held:
        with pytest.raises(BoardGone, match="no answer to"):
            async with held.session(entry):
                pass
        async with held.session(entry, journal) as session:
            health = await session.health()
    assert health.reset_reason is ResetReason.POWER_ON
    assert [step.action for step in journal.steps] == ["power cycle"]


async def test_a_wedged_board_is_revived_by_the_commands_of_the_inventory(tmp_path: Path, public_key: Path) -> None:
    """A board at a URL, whose relay is a program."""
    (tmp_path / "wedged.yaml").write_text(yaml.safe_dump(WEDGED))
    with running_board(tmp_path / "b1", public_key, options=["--faults", str(tmp_path / "wedged.yaml")]) as board:
        write_relay(tmp_path, board)
        power = {"off": "./relay off", "on": "./relay on"}
        boards = [
            {"name": "b1", "pool": "staging", "url": board.url, "power": power},
            virtual("p1", "production", "cortex-m4"),
        ]
        entry = load_inventory(write_inventory(tmp_path, boards)).boards[0]
        journal = Journal()

        async def reach() -> ResetReason:
            async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
                return (await session.health()).reset_reason

        found = await revived(reach, "b1", supply_of(entry, tmp_path), journal)
        assert "power off" in board.log
    assert found is ResetReason.POWER_ON
    assert [step.action for step in journal.steps] == ["power cycle"]


RELAY = """#!{python}
import json, os, socket, sys
os.chdir({directory!r})
control = socket.socket(socket.AF_UNIX)
control.connect("control")
control.sendall(json.dumps({{"command": "power", "state": sys.argv[1]}}).encode() + b"\\n")
control.recv(100)
"""


def write_relay(folder: Path, board: RunningBoard) -> None:
    """A program that switches a virtual board's power, as another would switch a relay."""
    relay = folder / "relay"
    relay.write_text(RELAY.format(python=sys.executable, directory=str(board.directory)))
    relay.chmod(0o755)


def test_a_release_goes_to_a_wedged_board_once_its_power_was_cycled(
    tmp_path: Path, make_candidate: MakeCandidate
) -> None:
    """In production, where a board that does not answer ends the deployment."""
    write_profile(tmp_path, "fast", **FAST)
    (tmp_path / "wedged.yaml").write_text(yaml.safe_dump(WEDGED))
    boards = [virtual("s1", "staging"), virtual("p1", "production", faults="wedged.yaml")]
    inventory = write_inventory(tmp_path, boards)
    plan = AcceptancePlan(better_than_constant=False)
    line = ReleaseLine(tmp_path / "workspace", inventory, None, plan, "1.0.0")
    deployment, _ = line.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    revived_one = [step for step in deployment.steps if step.board == "p1" and step.action == "power cycle"]
    assert [step.detail.partition(":")[0] for step in revived_one] == ["it does not answer"]
    tried = deployment.boards[0].evidence
    assert tried is not None
    assert tried.power_cycle is not None
    assert tried.power_cycle.by == "power"
