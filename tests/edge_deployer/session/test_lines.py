"""The session over lines that are far away or bad."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest

from edge_deployer.session import BoardGone, DeviceSession, LineError, ProtocolError, SessionError, WrongInputs
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, LineNoise
from edge_deployer.wire.console import Decoder, encode
from edge_deployer.wire.inference import GROUP, Command, crc32
from edge_deployer.wire.mcuboot import parse_image
from edge_deployer.wire.smp import HEADER_BYTES, Header
from tests.edge_deployer.session.remote_lines import flip_bits, rfc2217_line, tcp_line
from tests.edge_deployer.sessions import put_on_trial, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board

Fields = dict[str, Any]
READ_ANSWER, WRITE_REQUEST, WRITE_ANSWER = 1, 2, 3
RESET, IMAGE_STATE = (0, 5), (1, 0)
INFO, RUN, HEALTH, UPLOAD = (
    (GROUP, int(command)) for command in (Command.INFO, Command.RUN, Command.HEALTH, Command.UPLOAD)
)


async def install_and_run(session: DeviceSession, image: bytes) -> None:
    await put_on_trial(session, image)
    inputs = np.random.default_rng(0).integers(-128, 128, (100, 4)).astype(np.int8)
    assert np.array_equal((await session.infer(inputs)).outputs, inputs)


async def test_over_a_socket(board: RunningBoard, identity_image: bytes) -> None:
    with tcp_line(board.url) as url:
        async with session_with(url, line_rate=0) as session:
            await install_and_run(session, identity_image)


async def test_over_rfc2217(board: RunningBoard, identity_image: bytes) -> None:
    with rfc2217_line(board.url) as url:
        async with session_with(url) as session:
            await install_and_run(session, identity_image)


async def test_over_udp(tmp_path: Path, signer: Signer, identity_image: bytes) -> None:
    with running_board(tmp_path / "board", signer.public_key, udp=True) as board:
        async with session_with(board.url) as session:
            await install_and_run(session, identity_image)


async def test_lost_datagrams_cost_time_but_no_correctness(
    tmp_path: Path, signer: Signer, identity_image: bytes
) -> None:
    noise = LineNoise(bit_flips=2e-4)
    with (
        running_board(tmp_path / "board", signer.public_key, udp=True) as board,
        BoardControl(board.directory) as control,
    ):
        control.set_faults(FaultPlan(seed=3, to_board=noise, to_client=noise))
        async with session_with(board.url, request_timeout_s=0.5) as session:
            await install_and_run(session, identity_image)
        assert control.counters()["faults"]["bit_flip"] > 2


@pytest.mark.parametrize("seed", range(3))
async def test_a_noisy_line_costs_time_but_no_correctness(
    board: RunningBoard, identity_image: bytes, seed: int
) -> None:
    with tcp_line(board.url, flip_bits(2e-4, seed)) as url:
        async with session_with(url, line_rate=0, request_timeout_s=0.5) as session:
            await install_and_run(session, identity_image)


@pytest.mark.parametrize("op", [WRITE_REQUEST, WRITE_ANSWER], ids=["inputs", "outputs"])
async def test_damage_that_the_frame_check_misses_is_found_and_mended(
    board: RunningBoard, identity_image: bytes, op: int
) -> None:
    def flip_a_bit(fields: Fields) -> Fields:
        return {**fields, "data": bytes([fields["data"][0] ^ 1]) + fields["data"][1:]}

    meddler = Meddler(op, *RUN, flip_a_bit)
    with tcp_line(board.url, meddler) as url:
        async with session_with(url, line_rate=0) as session:
            await install_and_run(session, identity_image)
    assert meddler.seen


@pytest.mark.parametrize(
    ("op", "group", "command", "number"),
    [
        (WRITE_ANSWER, *IMAGE_STATE, 1),
        (WRITE_ANSWER, *IMAGE_STATE, 2),
        (WRITE_REQUEST, *RESET, 1),
        (WRITE_ANSWER, *RESET, 1),
    ],
    ids=["answer to test", "answer to confirm", "request to reset", "answer to reset"],
)
async def test_a_lost_message_changes_nothing(
    board: RunningBoard, identity_image: bytes, op: int, group: int, command: int, number: int
) -> None:
    """In particular the board resets once: a second reset would revert the image on trial."""
    meddler = Meddler(op, group, command, lambda _: None, number)
    with tcp_line(board.url, meddler) as url:
        async with session_with(url, line_rate=0, request_timeout_s=0.3) as session:
            digest = parse_image(identity_image).hash
            await session.install(identity_image)
            await session.test(digest)
            await session.reset()
            await session.confirm()
            (state,) = await session.images()
    assert (state.hash, state.active, state.confirmed) == (digest, True, True)
    assert meddler.seen >= number


async def test_a_board_may_take_its_time_to_erase_the_slot(board: RunningBoard, identity_image: bytes) -> None:
    def after_a_second(fields: Fields) -> Fields:
        time.sleep(1)
        return fields

    with tcp_line(board.url, Meddler(WRITE_ANSWER, *UPLOAD, after_a_second)) as url:
        async with session_with(url, line_rate=0, request_timeout_s=0.1) as session:
            await session.install(identity_image)


@pytest.mark.parametrize(
    ("op", "command", "changes", "error", "words"),
    [
        (READ_ANSWER, HEALTH, {"reset": 9}, ProtocolError, "reset reason 9"),
        (READ_ANSWER, INFO, {"input": {"t": 99, "s": [1, 4]}}, ProtocolError, "dtype 99"),
        (READ_ANSWER, INFO, {"output": {"t": 1, "s": [1, 0]}}, ProtocolError, "holds nothing"),
        (READ_ANSWER, INFO, {"input": {"t": 1, "s": [1, 5]}}, WrongInputs, r"int8\[100, 4\].*int8\[1, 5\]"),
        (WRITE_ANSWER, RUN, {"len": 3, "data": b"abc", "crc": crc32(b"abc")}, ProtocolError, "3 bytes of outputs"),
        (WRITE_ANSWER, RUN, {"us": [1, 2]}, ProtocolError, r"times \[1, 2\]"),
        (WRITE_ANSWER, RUN, {"us": None, "off": -3}, ProtocolError, "has -3 bytes"),
        (WRITE_ANSWER, UPLOAD, {"off": 1 << 30}, ProtocolError, "bytes of an image.s stream"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_named_with_the_board(
    board: RunningBoard,
    identity_image: bytes,
    op: int,
    command: tuple[int, int],
    changes: Fields,
    error: type[SessionError],
    words: str,
) -> None:
    def change(fields: Fields) -> Fields:
        return {key: value for key, value in {**fields, **changes}.items() if value is not None}

    with tcp_line(board.url, Meddler(op, *command, change)) as url:
        with pytest.raises(error, match=words) as caught:
            async with session_with(url, line_rate=0) as session:
                await install_and_run(session, identity_image)
        assert caught.value.url == url


class Meddler:
    """Does something to one message of a kind and makes the frame's CRC fit again; all others pass as they are.

    Args:
        op: kind of message.
        group: SMP group.
        command: command of the group.
        meddle: new fields for old, or None to lose the message.
        number: which message of that kind, from 1.
    """

    def __init__(
        self, op: int, group: int, command: int, meddle: Callable[[Fields], Fields | None], number: int = 1
    ) -> None:
        self.seen = 0
        self._kind, self._meddle, self._number = (op, group, command), meddle, number
        self._decoder = Decoder()

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._pass_on(message) for message in self._decoder.feed(data))

    def _pass_on(self, message: bytes) -> bytes:
        header = Header.of(message)
        assert header is not None
        if (header.op, header.group, header.command) != self._kind:
            return encode(message)
        self.seen += 1
        if self.seen != self._number:
            return encode(message)
        fields = self._meddle(cbor2.loads(message[HEADER_BYTES:]))
        if fields is None:
            return b""
        return encode(header.before(cbor2.dumps(fields)))


async def test_a_line_that_damages_everything_is_a_line_error(board: RunningBoard) -> None:
    # The board hears the first request; its answer and all that follows are damaged.
    heard = iter([True])
    flip = flip_bits(0.2, 1)
    with (
        tcp_line(board.url, lambda data: data if next(heard, False) else flip(data)) as url,
        pytest.raises(LineError, match="damaged"),
    ):
        async with session_with(url, line_rate=0, request_timeout_s=0.3):
            pass


async def test_a_far_end_that_does_not_listen_is_gone() -> None:
    with pytest.raises(BoardGone, match="cannot be opened"):
        async with session_with("socket://127.0.0.1:1"):
            pass
