"""The session over lines that are far away or bad."""

from __future__ import annotations

import cbor2
import numpy as np
import pytest

from edge_deployer.session import BoardGone, DeviceSession, LineError
from edge_deployer.wire import inference
from edge_deployer.wire.console import Decoder, encode
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.session.remote_lines import flip_bits, rfc2217_line, tcp_line
from tests.edge_deployer.virtual_board.running_board import RunningBoard


async def install_and_run(session: DeviceSession, image: bytes) -> None:
    await session.install(image)
    await session.test(parse_image(image).hash)
    await session.reset()
    inputs = np.random.default_rng(0).integers(-128, 128, (100, 4)).astype(np.int8)
    assert np.array_equal((await session.infer(inputs)).outputs, inputs)


async def test_over_a_socket(board: RunningBoard, identity_image: bytes) -> None:
    with tcp_line(board.url) as url:
        async with DeviceSession(url, line_rate=0) as session:
            await install_and_run(session, identity_image)


async def test_over_rfc2217(board: RunningBoard, identity_image: bytes) -> None:
    with rfc2217_line(board.url) as url:
        async with DeviceSession(url) as session:
            await install_and_run(session, identity_image)


@pytest.mark.parametrize("seed", range(3))
async def test_a_noisy_line_costs_time_but_no_correctness(
    board: RunningBoard, identity_image: bytes, seed: int
) -> None:
    with tcp_line(board.url, flip_bits(2e-4, seed)) as url:
        async with DeviceSession(url, line_rate=0, request_timeout_s=0.5) as session:
            await install_and_run(session, identity_image)


@pytest.mark.parametrize("op", [2, 3], ids=["inputs", "outputs"])
async def test_damage_that_the_frame_check_misses_is_found_and_mended(
    board: RunningBoard, identity_image: bytes, op: int
) -> None:
    damage = DamageOneRun(op)
    with tcp_line(board.url, damage) as url:
        async with DeviceSession(url, line_rate=0) as session:
            await install_and_run(session, identity_image)
    assert damage.done


class DamageOneRun:
    """Flips one bit of data in the first run request (op 2) or answer (op 3) and makes the frame's CRC fit again."""

    def __init__(self, op: int) -> None:
        self.done = False
        self._op = op
        self._decoder = Decoder()

    def __call__(self, data: bytes) -> bytes:
        return b"".join(encode(self._alter(message)) for message in self._decoder.feed(data))

    def _alter(self, message: bytes) -> bytes:
        group, command = int.from_bytes(message[4:6], "big"), message[7]
        if self.done or (message[0] & 7, group, command) != (self._op, inference.GROUP, inference.Command.RUN):
            return message
        self.done = True
        fields = cbor2.loads(message[8:])
        fields["data"] = bytes([fields["data"][0] ^ 1]) + fields["data"][1:]
        return message[:8] + cbor2.dumps(fields)


async def test_a_line_that_damages_everything_is_a_line_error(board: RunningBoard) -> None:
    # The board hears the first request; its answer and all that follows are damaged.
    heard = iter([True])
    flip = flip_bits(0.2, 1)
    with (
        tcp_line(board.url, lambda data: data if next(heard, False) else flip(data)) as url,
        pytest.raises(LineError, match="damaged"),
    ):
        async with DeviceSession(url, line_rate=0, request_timeout_s=0.3):
            pass


async def test_a_far_end_that_does_not_listen_is_gone() -> None:
    with pytest.raises(BoardGone, match="cannot be opened"):
        async with DeviceSession("socket://127.0.0.1:1"):
            pass
