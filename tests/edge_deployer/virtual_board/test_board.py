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
from smp.os_management import OS_MGMT_RET_RC
from smpclient import SMPClient
from smpclient.generics import error, error_v2, success
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import (
    BootloaderInformationRead,
    EchoWrite,
    MCUMgrParametersRead,
    OSApplicationInfoRead,
    ResetWrite,
)
from smpclient.requests.statistics_management import GroupData, ListOfGroups
from smpclient.transport.serial import SMPSerialRawTransport, SMPSerialTransport

from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, Stuck
from edge_deployer.wire.console import Decoder, encode, encoded_length
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board
from tests.processes import wait_for_the_end_of
from tests.small_files import no_file_larger_than


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
    for _ in range(100):
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


async def test_an_unmodified_smpclient_installs_over_raw_framing(
    tmp_path: Path, signer: Signer, identity_image: bytes
) -> None:
    options = ["--framing", "raw"]
    with running_board(tmp_path, signer.public_key, line_rate=921600, options=options) as board:
        async with SMPClient(SMPSerialRawTransport(), board.url) as client:
            assert [offset async for offset in client.upload(identity_image)][-1] == len(identity_image)
            assert success(await client.request(ImageStatesWrite(hash=parse_image(identity_image).hash)))


async def test_a_silence_ends_a_raw_message_that_lacks_its_end(tmp_path: Path, signer: Signer) -> None:
    with running_board(tmp_path, signer.public_key, options=["--framing", "raw"]) as board:
        async with SMPClient(SMPSerialRawTransport(), board.url) as client:
            # A header that announces 800 bytes, which never come.
            Path(board.url).write_bytes(bytes([0x0A, 0, 3, 32, 0, 0, 0, 0]))
            with contextlib.suppress(TimeoutError):
                await client.request(EchoWrite(d="lost"), timeout_s=0.5)
            assert success(await client.request(EchoWrite(d="heard"), timeout_s=60))


async def test_an_unmodified_smpclient_reads_what_the_board_is(board: RunningBoard) -> None:
    async with SMPClient(SMPSerialTransport(), board.url) as client:
        parameters = await client.request(MCUMgrParametersRead())
        assert success(parameters)
        assert (parameters.buf_size, parameters.buf_count) == (1024, 4)
        answers = [await client.request(OSApplicationInfoRead(format=letters)) for letters in (None, "pns", "a")]
        kernel, some, everything = (answer.output for answer in answers if success(answer))
        # In the order of uname, not in that of the letters.
        assert (kernel, some) == ("tinyops virtual board", "tinyops virtual board board cortex-m4")
        assert everything.startswith("tinyops virtual board board 0.")
        refused = await client.request(OSApplicationInfoRead(format="sx"))
        assert error_v2(refused)
        assert refused.err.rc == OS_MGMT_RET_RC.INVALID_FORMAT


async def test_an_unmodified_smpclient_reads_statistics(board: RunningBoard, identity_image: bytes) -> None:
    async with SMPClient(SMPSerialTransport(), board.url) as client:
        async for _ in client.upload(identity_image):
            pass
        groups = await client.request(ListOfGroups())
        assert success(groups)
        assert groups.stat_list == ("smp", "flash")
        smp, flash = [await client.request(GroupData(name=name)) for name in groups.stat_list]
        assert success(smp)
        assert success(flash)
        # The request for the statistics itself is not answered yet.
        assert smp.fields["requests"] == smp.fields["answers"] + 1 > 2
        assert (smp.fields["garbled"], smp.fields["overruns"]) == (0, 0)
        assert flash.fields["bytes"] >= len(identity_image)
        assert flash.fields["writes"] > 0
        assert error(await client.request(GroupData(name="weather")))


async def test_what_the_buffers_have_no_room_for_is_lost_and_counted(board: RunningBoard) -> None:
    with BoardControl(board.directory) as control:
        control.set_faults(FaultPlan(stuck=Stuck(request=1, seconds=1.0)))
    echo, room = encode(bytes(EchoWrite(d="x" * 100))), 4 * encoded_length(1020)
    line = os.open(board.url, os.O_RDWR | os.O_NOCTTY)
    os.write(line, echo * 50)
    decoder, answers = Decoder(), 0
    while answers < room // len(echo):
        answers += len(list(decoder.feed(os.read(line, 4096))))
    os.close(line)
    async with SMPClient(SMPSerialTransport(), board.url) as client:
        statistics = await client.request(GroupData(name="smp"))
        assert success(statistics)
        assert statistics.fields["overruns"] == len(echo) * 50 - room


async def test_boards_of_one_process_are_boards_of_their_own(tmp_path: Path, signer: Signer) -> None:
    second = ["--board", str(tmp_path / "second"), "cortex-m7", str(signer.public_key)]
    with running_board(tmp_path / "first", signer.public_key, options=second) as board:
        assert board.process.stdout
        assert board.process.stdout.readline().startswith("ready /dev/")
        lines = (board.url, str(tmp_path / "second" / "line"))
        async with SMPClient(SMPSerialTransport(), lines[0]) as one, SMPClient(SMPSerialTransport(), lines[1]) as other:
            sizes = [await client.request(MCUMgrParametersRead()) for client in (one, other)]
            assert [size.buf_size for size in sizes if success(size)] == [1024, 4096]
            with BoardControl(tmp_path / "first") as control:
                control.power("off")
            with pytest.raises(TimeoutError):
                await one.request(EchoWrite(d="there?"), timeout_s=0.3)
            assert success(await other.request(EchoWrite(d="there?")))
        (firmware,) = board.children()
        board.process.kill()
        board.process.wait()
        wait_for_the_end_of(firmware)


def _said_without_booting(directory: Path, signer: Signer, status: int) -> tuple[str, str]:
    command = [sys.executable, "-m", "edge_deployer.virtual_board", "--board", str(directory), "cortex-m4"]
    with subprocess.Popen(
        [*command, str(signer.public_key)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        said = process.stdout.read(), process.stderr.read()
        assert process.wait(60) == status
    return said


def test_a_board_that_does_not_boot_says_why(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "flash").mkdir()
    (tmp_path / "flash" / "flash.bin").write_bytes(bytes(100))
    said, _ = _said_without_booting(tmp_path, signer, 1)
    assert said.startswith("failed ")
    assert "flash.bin is a flash of 100 bytes" in said


def test_a_board_that_finds_no_room_on_the_disk_says_so(tmp_path: Path, signer: Signer) -> None:
    with no_file_larger_than(4096):
        said, _ = _said_without_booting(tmp_path, signer, 1)
    assert said == f"failed flash file {tmp_path}/flash/flash.bin cannot be written: File too large\n"


def test_a_folder_that_a_board_cannot_use_is_named(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "board.log").mkdir()
    _, said = _said_without_booting(tmp_path, signer, 2)
    assert said.startswith(f"log {tmp_path}/board.log cannot be written: Is a directory\n")
    assert "Traceback" not in said


def test_it_ends_with_its_stdin_and_takes_its_children_along(board: RunningBoard) -> None:
    (firmware,) = board.children()
    assert board.process.stdin
    board.process.stdin.close()
    assert board.process.wait(60) == 0
    assert not Path(f"/proc/{firmware}").exists()
    assert not Path(board.url).is_symlink()


def test_it_ends_on_sigterm(board: RunningBoard) -> None:
    (firmware,) = board.children()
    board.process.send_signal(signal.SIGTERM)
    assert board.process.wait(60) == 0
    assert not Path(f"/proc/{firmware}").exists()


def test_the_firmware_ends_when_the_line_process_is_killed(board: RunningBoard) -> None:
    (firmware,) = board.children()
    board.process.kill()
    board.process.wait()
    wait_for_the_end_of(firmware)


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
        (["cortex-m4"], "too few words"),
        (["cortex-m4", "{key}", "realtme"], "'realtme' is not an option of a board"),
        (["cortex-m4", "{key}", "framing=morse"], "'framing=morse' is not an option of a board"),
        (["cortex-m4", "{key}", "faults=absent.yaml"], "absent.yaml cannot be read"),
        (["cortex-m4", "{key}", "--line-rate=-1"], "--line-rate -1 is negative"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, signer: Signer, arguments: list[str], words: str) -> None:
    given = [argument.format(key=signer.public_key) for argument in arguments]
    command = [sys.executable, "-m", "edge_deployer.virtual_board", "--board", str(tmp_path), *given]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_is_forked_has_no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenBLAS ends its threads at the first fork and begins them again: a board in service does not show them.
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    program = "import os, edge_deployer.virtual_board.__main__, numpy; print(len(os.listdir('/proc/self/task')))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "1\n"


def test_a_tflm_that_cannot_be_imported_is_named_before_any_board_starts(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "tflite_micro.py").write_text("raise ImportError('a broken TFLM')\n")
    command = [sys.executable, "-m", "edge_deployer.virtual_board", "--board", str(tmp_path / "board"), "cortex-m4"]
    ended = subprocess.run(
        [*command, str(signer.public_key)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "does not start on this machine (ImportError): a broken TFLM" in ended.stderr
    assert "Traceback" not in ended.stderr


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
