"""After a newer claim no older holder changes a board, whichever way both reach it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.public_key import read_public_keys
from edge_deployer.session import DeviceSession, Fenced, InUse, PortInUse
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, PowerCutAt
from edge_deployer.wire.inference import GROUP, Command, ErrorCode
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer import tiny_models
from tests.edge_deployer.session.remote_lines import bridge
from tests.edge_deployer.session.small_line import WRITE, SmallLine
from tests.edge_deployer.sessions import put_for_good, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board
from tests.edge_deployer.virtual_board.small_board import SmallBoard

OLDER, NEWER = 5, 6
STALE = {"err": {"group": GROUP, "rc": int(ErrorCode.STALE_EPOCH)}}
ONE = np.zeros((1, 4), np.int8)
Step = Callable[[DeviceSession, bytes], Awaitable[object]]
STEPS: dict[str, Step] = {
    "install": lambda session, image: session.install(image),
    "test": lambda session, image: session.test(parse_image(image).hash),
    "confirm": lambda session, _: session.confirm(),
    "reset": lambda session, _: session.reset(),
    "run": lambda session, _: session.infer(ONE),
    "claim": lambda session, _: session.claim(OLDER),
}


@dataclass
class Shared:
    """A board that two clients reach at once."""

    board: RunningBoard
    url: str

    def session(self, epoch: int | None) -> DeviceSession:
        return session_with(self.url, line_rate=0, epoch=epoch, request_timeout_s=0.5)

    def content(self) -> bytes:
        return (self.board.directory / "flash" / "flash.bin").read_bytes()


@pytest.fixture(params=["bridge", "udp"])
def shared(
    request: pytest.FixtureRequest, tmp_path: Path, signer: Signer, unused_boards: Iterator[RunningBoard]
) -> Iterator[Shared]:
    with ExitStack() as stack:
        if request.param == "udp":
            board = stack.enter_context(running_board(tmp_path / "board", signer.public_key, udp=True))
            yield Shared(board, board.url)
        else:
            board = next(unused_boards)
            yield Shared(board, stack.enter_context(bridge(board.url)))


@pytest.fixture
async def older(shared: Shared, identity_image: bytes) -> AsyncIterator[DeviceSession]:
    """A session whose board runs a model for good, and has had a question about it."""
    async with shared.session(OLDER) as session:
        await put_for_good(session, identity_image)
        await session.infer(ONE)
        yield session


def long_image(signer: Signer, version: str) -> bytes:
    return signer.sign(tiny_models.rotating_classifier() + random.Random(version).randbytes(40_000), version)


@pytest.mark.parametrize("name", STEPS)
async def test_no_step_of_an_older_holder_changes_anything(
    shared: Shared, older: DeviceSession, signer: Signer, name: str
) -> None:
    image = signer.sign(tiny_models.rotating_classifier(), "2.0.0")
    if name == "test":
        await older.install(image)
    with BoardControl(shared.board.directory) as control:
        async with shared.session(NEWER) as newer:
            before, resets = shared.content(), control.counters()["resets"]
            with pytest.raises(Fenced) as fenced:
                await STEPS[name](older, image)
            assert shared.content() == before
            assert control.counters()["resets"] == resets
            assert await newer.echo() == "tinyops"
    assert (fenced.value.held, fenced.value.own) == (NEWER, OLDER)
    assert "--take-over" in fenced.value.remedy


async def test_an_upload_ends_where_a_newer_holder_comes(shared: Shared, older: DeviceSession, signer: Signer) -> None:
    theirs, ours, begun = long_image(signer, "2.0.0"), long_image(signer, "3.0.0"), asyncio.Event()
    with BoardControl(shared.board.directory) as control:
        control.set_faults(FaultPlan(slow_flash=40_000))
        uploading = asyncio.create_task(older.install(theirs, lambda done, _: begun.set() if done > 5000 else None))
        await begun.wait()
        async with shared.session(NEWER) as newer:
            control.set_faults(FaultPlan())
            await newer.install(ours)
            with pytest.raises(Fenced):
                await uploading
            spare = [state.hash for state in await newer.images() if not state.active]
    assert spare == [parse_image(ours).hash]


async def test_inference_ends_where_a_newer_holder_comes(shared: Shared, older: DeviceSession) -> None:
    answered = 0

    async def run() -> None:
        nonlocal answered
        async for batch in older.infer_batches(np.zeros((3000, 4), np.int8)):
            if not answered:
                async with shared.session(NEWER):
                    pass
            answered += len(batch.outputs)

    with pytest.raises(Fenced):
        await run()
    assert 0 < answered < 3000


async def test_an_older_holder_does_not_get_a_session(shared: Shared) -> None:
    async with shared.session(NEWER):
        pass
    with pytest.raises(Fenced, match="in use by a newer holder: it holds epoch 6, this command 5"):
        async with shared.session(OLDER):
            pass
    async with shared.session(NEWER) as session:
        assert await session.held_epoch() == NEWER


@pytest.mark.parametrize("how", ["reset", "power cycle", "power cut"])
async def test_a_claim_outlives_whatever_happens_to_the_board(unused_boards: Iterator[RunningBoard], how: str) -> None:
    board = next(unused_boards)
    async with session_with(board.url, line_rate=0, epoch=NEWER):
        pass
    with BoardControl(board.directory) as control:
        if how == "power cut":
            control.set_faults(FaultPlan(power_cut=PowerCutAt(operation=1, share=0.5)))
            async with session_with(board.url, line_rate=0, request_timeout_s=0.3) as session:
                await session.claim(NEWER + 1)
        else:
            await asyncio.to_thread(control.reset if how == "reset" else lambda: control.power("cycle"))
    with pytest.raises(Fenced):
        async with session_with(board.url, line_rate=0, epoch=OLDER):
            pass


@pytest.mark.usefixtures("older")
async def test_who_claims_nothing_is_served_as_ever(shared: Shared, signer: Signer) -> None:
    image = signer.sign(tiny_models.rotating_classifier(), "2.0.0")
    async with shared.session(None) as stranger:
        await put_for_good(stranger, image)
        assert await stranger.held_epoch() == OLDER
        assert np.array_equal((await stranger.infer(ONE)).outputs, ONE)


def test_a_board_in_use_is_one_thing() -> None:
    assert issubclass(Fenced, InUse)
    assert issubclass(PortInUse, InUse)


@pytest.fixture
def small(tmp_path: Path, signer: Signer) -> SmallBoard:
    board = SmallBoard(tmp_path / "board", read_public_keys(signer.public_key))
    board.start()
    return board


@pytest.mark.parametrize("revision", [0, 1, 2])
async def test_firmware_of_any_revision_is_used_as_far_as_it_can_be_claimed(
    small: SmallBoard, signer: Signer, revision: int
) -> None:
    image = signer.sign(bytes(500))
    async with SmallLine(small, revision=revision).session(OLDER) as session:
        await put_for_good(session, image)
        assert await session.held_epoch() == (OLDER if revision == 2 else None)
    assert small.flash.epoch.value == (OLDER if revision else 0)
    if revision:
        small.ask(GROUP, Command.CLAIM, {"epoch": NEWER})
        with pytest.raises(Fenced) as fenced:
            async with SmallLine(small, revision=revision).session(OLDER):
                pass
        assert fenced.value.held == (NEWER if revision == 2 else None)


async def life(session: DeviceSession, image: bytes) -> None:
    async with session:
        await put_for_good(session, image)
        await session.reset()
        await session.claim(OLDER)


@pytest.mark.parametrize("revision", [1, 2])
@pytest.mark.parametrize("compresses", [True, False])
async def test_a_newer_claim_between_any_two_messages_stops_the_older_holder(
    tmp_path: Path, signer: Signer, revision: int, compresses: bool
) -> None:
    """SMP's own groups take no epoch: of their steps, the one that the older holder had just claimed for may pass."""
    image = signer.sign(bytes(2000) if compresses else random.Random(5).randbytes(2000))
    whole = SmallLine(started(tmp_path / "whole", signer), revision=revision)
    await life(whole.session(OLDER), image)
    assert len(whole.log) > 20
    for number in range(1, len(whole.log)):
        board = started(tmp_path / str(number), signer)
        line = SmallLine(board, revision=revision, before=newer_claim_before(board, number))
        with pytest.raises(Fenced):
            await life(line.session(OLDER), image)
        writes = [asked for asked in line.log[number:] if asked.header.op == WRITE]
        steps = [asked for asked in writes if asked.header.group != GROUP and not asked.fields.get("off")]
        assert len(steps) <= 1, number
        ours = [asked for asked in writes if asked.header.group == GROUP]
        if revision == 2:
            assert all(asked.answer in ({"off": 0}, STALE) for asked in ours), number


def started(directory: Path, signer: Signer) -> SmallBoard:
    board = SmallBoard(directory, read_public_keys(signer.public_key))
    board.start()
    return board


def newer_claim_before(board: SmallBoard, number: int) -> Callable[[int], None]:
    def claim(sent: int) -> None:
        if sent == number:
            board.ask(GROUP, Command.CLAIM, {"epoch": NEWER})

    return claim
