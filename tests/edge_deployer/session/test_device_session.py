"""The session against virtual boards: the life of an image, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.session import (
    BoardGone,
    DeviceSession,
    Fenced,
    ImageTooBig,
    ModelFault,
    PortInUse,
    ResetReason,
    SessionError,
    WrongInputs,
)
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer import tiny_models
from tests.edge_deployer.sessions import put_for_good, put_on_trial, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board


@pytest.fixture
async def session(board: RunningBoard) -> AsyncIterator[DeviceSession]:
    async with session_with(board.url, line_rate=0, request_timeout_s=1.0) as session:
        yield session


async def test_a_new_board_answers_but_has_no_model(session: DeviceSession) -> None:
    assert await session.echo("hi") == "hi"
    assert (await session.parameters()).buffer_bytes == 1024
    assert await session.images() == []
    assert (await session.health()).reset_reason is ResetReason.POWER_ON
    with pytest.raises(ModelFault, match="no image"):
        await session.info()


async def test_an_image_is_installed_tested_and_confirmed(session: DeviceSession, identity_image: bytes) -> None:
    progress: list[tuple[int, int]] = []
    await session.install(identity_image, lambda done, total: progress.append((done, total)))
    assert progress[-1] == (len(identity_image), len(identity_image))
    digest = parse_image(identity_image).hash
    await session.test(digest)
    await session.reset()
    (state,) = await session.images()
    assert (state.hash, state.version, state.active, state.confirmed) == (digest, "1.0.0", True, False)
    await session.confirm()
    await session.reset()
    info = await session.info()
    assert info.image_hash == digest
    assert info.arena_bytes == 262144
    assert 0 < info.arena_used < 4096
    assert info.input.describe() == "int8[1, 4]"
    assert (await session.health()).reset_reason is ResetReason.SOFTWARE


async def test_an_unconfirmed_image_is_reverted(session: DeviceSession, identity_image: bytes, signer: Signer) -> None:
    old = await put_for_good(session, identity_image)
    new = await put_on_trial(session, signer.sign(tiny_models.rotating_classifier(), "2.0.0"))
    assert (await session.info()).image_hash == new
    await session.reset()
    assert (await session.info()).image_hash == old


async def test_a_confirmed_image_survives_a_power_cycle(tmp_path: Path, signer: Signer, identity_image: bytes) -> None:
    with running_board(tmp_path, signer.public_key) as board:
        async with session_with(board.url, line_rate=0) as session:
            digest = await put_for_good(session, identity_image)
            await session.claim(7)
    with running_board(tmp_path, signer.public_key) as board:
        async with session_with(board.url, line_rate=0) as session:
            assert (await session.info()).image_hash == digest
            assert (await session.health()).reset_reason is ResetReason.POWER_ON
            with pytest.raises(Fenced, match="holds epoch 7, this command 6"):
                await session.claim(6)
            await session.claim(8)


async def test_the_board_computes_what_tflm_computes(session: DeviceSession, signer: Signer) -> None:
    await put_for_good(session, signer.sign(tiny_models.rotating_classifier()))
    inputs = np.random.default_rng(1).integers(-128, 128, (500, 4)).astype(np.int8)
    result = await session.infer(inputs)
    assert np.array_equal(result.outputs, np.roll(inputs, -1, axis=1))
    # 16 multiply-accumulates at 32 million a second, and 8 bytes at 1.305 million a second.
    assert result.microseconds.tolist() == [7] * 500


async def test_a_sample_bigger_than_the_buffer_goes_in_chunks(session: DeviceSession, signer: Signer) -> None:
    await put_for_good(session, signer.sign(tiny_models.identity_classifier(classes=600)))
    inputs = np.random.default_rng(2).integers(-128, 128, (5, 600)).astype(np.int8)
    assert np.array_equal((await session.infer(inputs)).outputs, inputs)


async def test_inputs_of_another_shape_never_reach_the_board(session: DeviceSession, identity_image: bytes) -> None:
    await put_for_good(session, identity_image)
    with pytest.raises(WrongInputs, match=r"samples are int8\[1, 5\].*takes int8\[1, 4\]"):
        await session.infer(np.zeros((1, 5), np.int8))


async def test_a_crash_is_a_fault_and_the_trial_is_over(
    session: DeviceSession, identity_image: bytes, signer: Signer
) -> None:
    old = await put_for_good(session, identity_image)
    await put_on_trial(session, signer.sign(tiny_models.crashes_on_far_offset(), "2.0.0"))
    good = await session.infer(np.array([[1], [2]], np.int32))
    assert good.outputs.tolist() == [20, 30]
    with pytest.raises(ModelFault, match="SIGSEGV") as caught:
        await session.infer(np.array([[1], [2**30]], np.int32))
    assert caught.value.reset_reason is ResetReason.FAULT
    health = await session.health()
    assert (health.reset_reason, health.faults) == (ResetReason.FAULT, 1)
    assert (await session.info()).image_hash == old


@pytest.mark.parametrize(
    ("model", "words"),
    [(tiny_models.with_unknown_op(), "made-up-op"), (tiny_models.two_inputs(), "more than one input")],
    ids=["unknown op", "two inputs"],
)
async def test_a_model_the_board_cannot_load_says_why(
    session: DeviceSession, signer: Signer, model: bytes, words: str
) -> None:
    await put_on_trial(session, signer.sign(model))
    with pytest.raises(ModelFault, match=words):
        await session.info()
    assert words in str((await session.health()).last_fault)
    assert (await session.health()).faults == 0


async def test_a_foreign_signature_never_boots(session: DeviceSession, identity_image: bytes, stranger: Signer) -> None:
    old = await put_for_good(session, identity_image)
    await put_on_trial(session, stranger.sign(tiny_models.rotating_classifier(), "9.0.0"))
    assert (await session.info()).image_hash == old


async def test_an_interrupted_upload_goes_on_where_it_stopped(session: DeviceSession, signer: Signer) -> None:
    image = signer.sign(bytes(20000))
    far_enough = asyncio.Event()
    uploading = asyncio.create_task(session.install(image, lambda done, _: far_enough.set() if done > 5000 else None))
    await far_enough.wait()
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading
    progress: list[int] = []
    await session.install(image, lambda done, _: progress.append(done))
    assert progress[0] > 5000
    assert (await session.images())[0].hash == parse_image(image).hash


async def test_an_image_that_is_there_is_not_sent_again(session: DeviceSession, identity_image: bytes) -> None:
    await session.install(identity_image)
    progress: list[int] = []
    await session.install(identity_image, lambda done, _: progress.append(done))
    assert progress == [len(identity_image)]


async def test_an_image_too_big_for_the_slot_is_refused(tmp_path: Path, signer: Signer) -> None:
    with running_board(tmp_path, signer.public_key, profile="cortex-m0plus") as board:
        async with session_with(board.url, line_rate=0) as session:
            with pytest.raises(ImageTooBig, match="too large for its slot"):
                await session.install(signer.sign(bytes(200_000)))


async def test_what_is_no_image_is_an_error(session: DeviceSession) -> None:
    with pytest.raises(SessionError, match="cannot take the image"):
        await session.install(b"not an image")


async def test_a_session_is_usable_after_a_cancelled_call(session: DeviceSession, identity_image: bytes) -> None:
    await put_for_good(session, identity_image)
    for delay in (0.0, 0.001, 0.005):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.infer(np.zeros((3000, 4), np.int8)), delay)
    inputs = np.arange(-4, 4, dtype=np.int8).reshape(2, 4)
    assert np.array_equal((await session.infer(inputs)).outputs, inputs)


async def test_two_sessions_cannot_share_a_port(board: RunningBoard, session: DeviceSession) -> None:
    with pytest.raises(PortInUse, match="in use"):
        async with session_with(board.url):
            pass
    assert await session.echo() == "tinyops"


async def test_a_port_is_free_again_after_a_session(board: RunningBoard) -> None:
    for _ in range(2):
        async with session_with(board.url, line_rate=0) as session:
            await session.echo()


async def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BoardGone, match="nowhere"):
        async with session_with(str(tmp_path / "nowhere")):
            pass


async def test_a_silent_board_is_gone_in_bounded_time() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)

    async def open_session() -> None:
        async with session_with(os.ttyname(slave), request_timeout_s=0.2):
            pass

    try:
        with pytest.raises(BoardGone, match="no answer to 4 attempts"):
            await asyncio.wait_for(open_session(), 60)
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.usefixtures("children_start_cold")
async def test_a_board_that_loses_power_is_gone(tmp_path: Path, signer: Signer) -> None:
    with running_board(tmp_path, signer.public_key) as board:
        async with session_with(board.url, line_rate=0) as session:
            board.process.terminate()
            board.process.wait()
            with pytest.raises(BoardGone, match="line"):
                await session.echo()
