"""A session and a board that goes wrong: what was lost is made good, and what cannot be is named."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.session import BoardRefused, ErrorCode, ModelFault, SessionError
from edge_deployer.session.claim import Claim
from edge_deployer.session.line import SmpLine
from edge_deployer.session.upload import upload
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, LateReplies, LineNoise, PowerCutAt, Reset, Vanish
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer import tiny_models
from tests.edge_deployer.sessions import put_for_good, put_on_trial, session_with, transport_to
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board

NOBODY = 65534
EXCLUDED, OPENED = 3, 4
INPUTS = np.random.default_rng(1).integers(-128, 128, (200, 4)).astype(np.int8)


def long_image(signer: Signer, version: str = "1.0.0") -> bytes:
    """A working model with 20 kB after it that do not compress: an upload of many messages."""
    return signer.sign(tiny_models.rotating_classifier() + random.Random(version).randbytes(20_000), version)


@pytest.mark.parametrize(
    "plan",
    [
        FaultPlan(seed=1, to_board=LineNoise(bit_flips=1e-4), to_client=LineNoise(bit_flips=1e-4)),
        FaultPlan(seed=2, to_board=LineNoise(lost_bytes=1e-4), to_client=LineNoise(lost_bytes=1e-4)),
        FaultPlan(seed=3, late_replies=LateReplies(probability=0.1, seconds=0.3), duplicate_replies=0.2, short_reads=9),
        FaultPlan(seed=4, vanish=Vanish(after_bytes=9000, seconds=0.3)),
        FaultPlan(seed=5, reset=Reset(request=12, when="after")),
        FaultPlan(seed=6, power_cut=PowerCutAt(operation=6, share=0.5)),
    ],
    ids=["bit flips", "lost bytes", "late replies", "vanishing line", "reset", "power cut"],
)
async def test_an_install_ends_well(board: RunningBoard, signer: Signer, plan: FaultPlan) -> None:
    image = long_image(signer)
    with BoardControl(board.directory) as control:
        control.set_faults(plan)
        async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
            await put_for_good(session, image)
            assert (await session.info()).image_hash == parse_image(image).hash
            assert np.array_equal((await session.infer(INPUTS)).outputs, np.roll(INPUTS, -1, axis=1))
        assert sum(control.counters()["faults"].values()) > 0


async def test_a_compressed_upload_leaves_the_plain_image_in_the_slot(board: RunningBoard, signer: Signer) -> None:
    image = signer.sign(tiny_models.rotating_classifier() + bytes(50_000))
    with BoardControl(board.directory) as control:
        async with session_with(board.url, line_rate=0) as session:
            await session.install(image)
            (state,) = await session.images()
            assert control.counters()["bytes_to_board"] < len(image) / 4
        assert state.hash == parse_image(image).hash


async def test_a_board_that_cannot_decompress_gets_the_image_as_it_is(tmp_path: Path, signer: Signer) -> None:
    image = signer.sign(tiny_models.rotating_classifier() + bytes(20_000))
    with (
        running_board(tmp_path / "board", signer.public_key, profile="cortex-m0plus") as board,
        BoardControl(board.directory) as control,
    ):
        async with session_with(board.url, line_rate=0) as session:
            await put_for_good(session, image)
        assert control.counters()["bytes_to_board"] > len(image)


async def test_a_revoked_release_is_refused_before_anything_is_sent(board: RunningBoard, signer: Signer) -> None:
    async with session_with(board.url, line_rate=0) as session:
        await put_for_good(session, signer.sign(tiny_models.identity_classifier(), security_counter=2))
        await session.reset()
        assert (await session.health()).security_floor == 2
        with pytest.raises(SessionError, match="security counter 1 is below the board's floor 2"):
            await session.install(signer.sign(tiny_models.rotating_classifier(), "1.0.1", security_counter=1))
        assert len(await session.images()) == 1


async def test_the_first_chunk_has_the_images_header_however_many_messages_were_lost(
    board: RunningBoard, signer: Signer
) -> None:
    image = long_image(signer)
    line = SmpLine(transport_to(board.url, line_rate=0), request_timeout_s=0.5)
    await line.open()
    try:
        for _ in range(50):
            line.sizes.note(100, arrived=False)
        await upload(line, image, lambda *_: None, Claim(line, None))
    finally:
        await line.close()
    async with session_with(board.url, line_rate=0) as session:
        (uploaded,) = await session.images()
    assert uploaded.hash == parse_image(image).hash


async def test_a_board_that_has_become_another_never_answers_for_the_one_before(
    board: RunningBoard, signer: Signer
) -> None:
    first, second = signer.sign(tiny_models.identity_classifier()), long_image(signer, "1.0.1")
    async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
        await put_for_good(session, first)
        await put_on_trial(session, second)
        await session.infer(INPUTS)
        with BoardControl(board.directory) as control:
            await asyncio.to_thread(control.reset)
        with pytest.raises(BoardRefused, match="runs another image than before") as caught:
            await session.infer(INPUTS)
        assert caught.value.code == ErrorCode.WRONG_MODEL


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT"])
async def test_a_crash_in_the_middle_of_many_samples_is_a_fault(
    board: RunningBoard, signer: Signer, signal: str
) -> None:
    async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
        await put_for_good(session, long_image(signer))
        with BoardControl(board.directory) as control:
            await asyncio.to_thread(
                control.set_faults, FaultPlan.model_validate({"tflm_crash": {"inference": 77, "signal": signal}})
            )
            with pytest.raises(ModelFault, match="the model crashed and the board reset"):
                await session.infer(INPUTS)


async def test_while_a_session_is_open_nobody_but_root_opens_the_port(board: RunningBoard) -> None:
    Path(board.url).chmod(0o666)
    async with session_with(board.url, line_rate=0):
        assert opening_as_a_user(board.url) == EXCLUDED
    assert opening_as_a_user(board.url) == OPENED


def opening_as_a_user(path: str) -> int:
    """What a process without root's rights gets when it opens a port without asking for a lock."""
    device = os.path.realpath(path)
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setuid(NOBODY)
            os.open(device, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            os._exit(EXCLUDED)
        os._exit(OPENED)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def test_a_board_that_reset_before_it_could_confirm_keeps_what_it_had(
    board: RunningBoard, signer: Signer
) -> None:
    first, second = (
        signer.sign(tiny_models.identity_classifier()),
        signer.sign(tiny_models.rotating_classifier(), "2.0.0"),
    )
    async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
        await put_for_good(session, first)
        await put_on_trial(session, second)
        with BoardControl(board.directory) as control:
            await asyncio.to_thread(control.reset)
        with pytest.raises(SessionError, match=f"runs {parse_image(first).hash.hex()[:8]} for good"):
            await session.confirm(parse_image(second).hash)
        await session.reset()
        active = [state.hash for state in await session.images() if state.active and state.confirmed]
        assert active == [parse_image(first).hash]


async def test_a_session_can_be_cancelled_anywhere(board: RunningBoard, signer: Signer) -> None:
    image, chance = long_image(signer), random.Random(3)
    async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
        await put_for_good(session, image)
        with BoardControl(board.directory) as control:
            for number in range(40):
                if number % 10 == 0:
                    await asyncio.to_thread(control.vanish, 0.05)
                call = chance.choice([session.info, session.images, session.echo, lambda: session.infer(INPUTS)])
                task = asyncio.ensure_future(call())
                await asyncio.sleep(chance.random() * 0.02)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        assert np.array_equal((await session.infer(INPUTS)).outputs, np.roll(INPUTS, -1, axis=1))
    async with session_with(board.url, line_rate=0) as session:
        assert await session.echo("free") == "free"


async def test_a_line_may_be_away_for_longer_than_a_board_may_be_silent(board: RunningBoard) -> None:
    async with session_with(board.url, line_rate=0, request_timeout_s=0.1) as session:
        with BoardControl(board.directory) as control:
            await asyncio.to_thread(control.vanish, 1.5)
            assert await session.echo("back") == "back"


async def test_the_port_is_free_after_a_session_that_was_cancelled_while_it_closed(board: RunningBoard) -> None:
    async def use() -> None:
        async with session_with(board.url, line_rate=0) as session:
            await session.echo()

    for _ in range(20):
        task = asyncio.create_task(use())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with session_with(board.url, line_rate=0) as session:
        assert await session.echo("free") == "free"
