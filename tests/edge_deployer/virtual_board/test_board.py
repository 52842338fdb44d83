"""The board as a process, seen by an unmodified smpclient and by the operating system."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from smpclient import SMPClient
from smpclient.generics import success
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import BootloaderInformationRead, EchoWrite, ResetWrite
from smpclient.transport.serial import SMPSerialTransport

from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board


async def test_an_unmodified_smpclient_installs_an_image(board: RunningBoard, identity_image: bytes) -> None:
    async with SMPClient(SMPSerialTransport(), board.url) as client:
        echo = await client.request(EchoWrite(d="hello"))
        assert success(echo)
        assert echo.r == "hello"
        assert [offset async for offset in client.upload(identity_image)][-1] == len(identity_image)
        digest = parse_image(identity_image).hash
        tested = await client.request(ImageStatesWrite(hash=digest))
        assert success(tested)
        assert (tested.images[0].slot, tested.images[0].pending) == (1, True)
        assert success(await client.request(ResetWrite()))
        await answers_again(client)
        states = await client.request(ImageStatesRead())
        assert success(states)
        assert [(state.slot, state.hash, state.active, state.confirmed) for state in states.images] == [
            (0, digest, True, False)
        ]
        bootloader = await client.request(BootloaderInformationRead())
        assert success(bootloader)
        assert bootloader.bootloader == "MCUboot"


async def answers_again(client: SMPClient) -> None:
    """What reaches a board while it resets is lost, as on a UART: ask until it answers."""
    for _ in range(20):
        with contextlib.suppress(TimeoutError):
            assert success(await client.request(EchoWrite(d="there?"), timeout_s=0.5))
            return
    pytest.fail("the board does not come back")


async def test_an_smpclient_at_the_line_rate(tmp_path: Path, signer: Signer, identity_image: bytes) -> None:
    with running_board(tmp_path, signer.public_key, line_rate=115200) as board:
        async with SMPClient(SMPSerialTransport(), board.url) as client:
            began = time.monotonic()
            async for _ in client.upload(identity_image):
                pass
    # Base64 alone makes 4 bytes of 3; each takes ten bits.
    assert time.monotonic() - began > len(identity_image) * 4 / 3 * 10 / 115200


def test_it_ends_with_its_stdin_and_takes_its_children_along(board: RunningBoard) -> None:
    (firmware,) = board.children()
    assert board.process.stdin
    board.process.stdin.close()
    assert board.process.wait(10) == 0
    assert not Path(f"/proc/{firmware}").exists()
    assert not Path(board.url).is_symlink()


def test_it_ends_on_sigterm(board: RunningBoard) -> None:
    (firmware,) = board.children()
    board.process.send_signal(signal.SIGTERM)
    assert board.process.wait(10) == 0
    assert not Path(f"/proc/{firmware}").exists()


def test_the_firmware_ends_when_the_line_process_is_killed(board: RunningBoard) -> None:
    (firmware,) = board.children()
    board.process.kill()
    board.process.wait()
    deadline = time.monotonic() + 10
    while _runs(firmware):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_an_idle_board_uses_no_processor(board: RunningBoard) -> None:
    pids = [board.process.pid, *board.children()]
    # Each wait for the end of stdin's closing side is a real one: nothing but time may pass here.
    used = sum(map(_ticks, pids))
    with pytest.raises(subprocess.TimeoutExpired):
        board.process.wait(1.0)
    assert sum(map(_ticks, pids)) - used <= 1


def test_the_link_follows_a_new_start(tmp_path: Path, signer: Signer) -> None:
    for _ in range(2):
        with running_board(tmp_path, signer.public_key) as board:
            assert Path(board.url).resolve().is_char_device()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cortex-m99", "{key}"], "no board profile named 'cortex-m99'"),
        (["cortex-m4", "absent.pem"], "absent.pem"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, signer: Signer, arguments: list[str], words: str) -> None:
    given = [argument.format(key=signer.public_key) for argument in arguments]
    command = [sys.executable, "-m", "edge_deployer.virtual_board", "--board", str(tmp_path), *given]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
