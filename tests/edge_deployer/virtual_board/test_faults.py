"""Fault plans: what a file may say, and that each fault happens where and as often as the plan says."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import EchoWrite

from edge_deployer.errors import TinyopsError
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, RandomHits, generator, load_fault_plan
from edge_deployer.virtual_board.ledger import Ledger
from edge_deployer.virtual_board.line_faults import LineFaults
from edge_deployer.wire.console import Decoder, encode
from edge_deployer.wire.inference import (
    HealthReadRequest,
    InfoReadRequest,
    ResetReason,
    RunWriteRequest,
    crc32,
)
from edge_deployer.wire.mcuboot import parse_image
from edge_deployer.wire.smp import HEADER_BYTES, Header
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board
from tests.processes import wait_for_the_end_of, wait_until

DEADLINE_S = 120.0
SILENCE_S = 0.3
ECHO = bytes(EchoWrite(d="hello"))
HEALTH = bytes(HealthReadRequest())
INFO = bytes(InfoReadRequest())
STATES = bytes(ImageStatesRead())


def message(group: int, command: int, fields: dict[str, Any], *, op: int = 2) -> bytes:
    return Header(op, 1, group, 77, command).before(cbor2.dumps(fields))


class Client:
    """The plainest of clients: bytes out, whatever messages come in."""

    def __init__(self, board: RunningBoard) -> None:
        self._path = board.url
        self.portions: list[bytes] = []
        self._open()

    def _open(self) -> None:
        self.descriptor = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._decoder = Decoder()

    def reopen(self) -> None:
        """Once the link is back."""
        os.close(self.descriptor)
        wait_until(Path(self._path).exists)
        self._open()

    def send(self, request: bytes) -> None:
        os.write(self.descriptor, encode(request))

    def answers(self, within_s: float, count: int = 1) -> list[dict[str, Any]]:
        """Up to `count` answers, fewer if time runs out."""
        deadline, answers = time.monotonic() + within_s, []
        while len(answers) < count and select.select([self.descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
            portion = os.read(self.descriptor, 4096)
            self.portions.append(portion)
            answers += [cbor2.loads(answer[HEADER_BYTES:]) for answer in self._decoder.feed(portion)]
        return answers

    def ask(self, request: bytes) -> dict[str, Any]:
        self.send(request)
        (answer,) = self.answers(DEADLINE_S)
        return answer

    def gone(self) -> bool:
        """Whether the other end has hung up, within the deadline."""
        poll = select.poll()
        poll.register(self.descriptor, 0)
        return bool(poll.poll(DEADLINE_S * 1000))


@pytest.fixture
def client(board: RunningBoard) -> Iterator[Client]:
    client = Client(board)
    yield client
    os.close(client.descriptor)


@pytest.fixture
def control(board: RunningBoard) -> Iterator[BoardControl]:
    with BoardControl(board.directory) as control:
        yield control


def plan(**fields: Any) -> FaultPlan:
    return FaultPlan.model_validate(fields)


def install(client: Client, image: bytes, control: BoardControl) -> None:
    """Upload, confirm, reset."""
    offset = 0
    while offset < len(image):
        first = {"len": len(image)} if offset == 0 else {}
        offset = client.ask(message(1, 1, {"off": offset, "data": image[offset : offset + 400], **first}))["off"]
    client.ask(bytes(ImageStatesWrite(hash=parse_image(image).hash, confirm=True)))
    control.reset()


def run_samples(client: Client, *samples: bytes) -> dict[str, Any]:
    batch = b"".join(samples)
    return client.ask(bytes(RunWriteRequest(off=0, data=batch, len=len(batch), n=len(samples), crc=crc32(batch))))


# The file.


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("to_board: {bit_flips: 2}", "to_board.bit_flips = 2"),
        ("tflm_crash: {inference: 1, signal: SIGKILL}", "tflm_crash.signal = 'SIGKILL'"),
        ("power_cut: {operation: 0}", "power_cut.operation = 0"),
        ("gremlins: 3", "gremlins: unknown key"),
        ("seed: [", "is not YAML"),
    ],
)
def test_a_mistake_in_a_plan_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(TinyopsError) as raised:
        load_fault_plan(path)
    assert words in raised.value.message
    assert "faults.yaml" in raised.value.message


def test_json_and_an_empty_file_are_plans(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('{"seed": 7, "false_hash": true}')
    assert load_fault_plan(path) == plan(seed=7, false_hash=True)
    path.write_text("")
    assert load_fault_plan(path) == FaultPlan()


# The line.


@given(st.floats(0, 1), st.integers(0, 9), st.lists(st.integers(0, 500), max_size=8))
def test_hits_do_not_depend_on_how_the_row_is_portioned(probability: float, seed: int, portions: list[int]) -> None:
    hits, start = [], 0
    row = RandomHits(probability, generator(plan(seed=seed), "row"))
    for portion in portions:
        hits += [start + index for index in row.among(portion)]
        start += portion
    assert hits == RandomHits(probability, generator(plan(seed=seed), "row")).among(start)


@pytest.mark.parametrize("probability", [1e-3, 0.1, 0.9])
def test_hits_are_as_frequent_as_told(probability: float) -> None:
    count = 200_000
    hits = RandomHits(probability, generator(plan(), "row")).among(count)
    assert len(hits) == pytest.approx(probability * count, rel=0.2)


def test_each_direction_has_its_own_noise_and_it_is_counted() -> None:
    noisy = plan(seed=3, to_board={"bit_flips": 0.01}, to_client={"lost_bytes": 0.1})
    ledger = Ledger(noisy)
    faults, data = LineFaults(noisy, ledger), bytes(1000)
    flipped, lost = faults.to_board.apply(data), faults.to_client.apply(data)
    assert len(flipped) == 1000
    counted = ledger.faults()
    assert counted["bit_flip"] == sum(byte.bit_count() for byte in flipped) > 0
    assert counted["lost_byte"] == 1000 - len(lost) > 0
    again = LineFaults(noisy, Ledger(noisy))
    assert (again.to_board.apply(data), again.to_client.apply(data)) == (flipped, lost)


def test_noise_towards_the_board_makes_it_miss_requests(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(to_board={"lost_bytes": 1.0}))
    client.send(ECHO)
    assert client.answers(SILENCE_S) == []
    assert control.counters()["faults"]["lost_byte"] == len(encode(ECHO))
    control.set_faults(FaultPlan())
    assert client.ask(ECHO) == {"r": "hello"}


def test_noise_towards_the_client_garbles_answers(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(to_client={"bit_flips": 1.0}))
    client.send(ECHO)
    assert client.answers(SILENCE_S) == []
    assert control.counters()["faults"]["bit_flip"] == 8 * sum(map(len, client.portions)) > 0


def test_short_reads_come_in_portions_of_at_most_so_many(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(short_reads=4))
    answer = client.ask(message(0, 0, {"d": "x" * 200}))
    assert answer == {"r": "x" * 200}
    # A client that is not scheduled at once finds two portions together.
    assert len(client.portions) > 20
    assert control.counters()["faults"]["short_read"] >= len(client.portions)


def test_the_line_vanishes_at_the_byte_told_and_comes_back_under_the_link(
    client: Client, control: BoardControl
) -> None:
    control.set_faults(plan(vanish={"after_bytes": len(encode(ECHO)) + 5, "seconds": 0.1}))
    client.send(ECHO)
    assert client.gone()
    client.reopen()
    assert client.ask(ECHO) == {"r": "hello"}
    assert control.counters()["faults"]["vanish"] == 1


def test_the_line_vanishes_on_command(client: Client, control: BoardControl) -> None:
    control.vanish(0.1)
    assert client.gone()
    client.reopen()
    assert client.ask(ECHO) == {"r": "hello"}


# The firmware.


def test_late_replies_are_late(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(late_replies={"probability": 1.0, "seconds": 0.4}))
    began = time.monotonic()
    assert client.ask(ECHO) == {"r": "hello"}
    assert time.monotonic() - began >= 0.4
    assert control.counters()["faults"]["late_reply"] == 1


def test_duplicate_replies_come_twice(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(duplicate_replies=1.0))
    client.send(ECHO)
    assert client.answers(DEADLINE_S, 2) == [{"r": "hello"}] * 2
    assert control.counters()["faults"]["duplicate_reply"] == 1


def test_the_same_seed_makes_the_same_replies_double(client: Client, control: BoardControl) -> None:
    def doubles() -> int:
        before = control.counters()["faults"]["duplicate_reply"]
        control.set_faults(plan(seed=5, duplicate_replies=0.5))
        for _ in range(12):
            client.send(ECHO)
        client.answers(SILENCE_S, 24)
        return int(control.counters()["faults"]["duplicate_reply"]) - before

    first = doubles()
    assert 0 < first < 12
    assert doubles() == first


def test_a_stuck_firmware_goes_on_after_its_time(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(stuck={"request": 2, "seconds": 0.5}))
    assert client.ask(ECHO) == {"r": "hello"}
    began = time.monotonic()
    assert client.ask(ECHO) == {"r": "hello"}
    assert time.monotonic() - began >= 0.5
    assert control.counters()["faults"]["stuck"] == 1


def test_a_stuck_firmware_stays_so_until_it_is_reset(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(stuck={"request": 1}))
    client.send(ECHO)
    assert client.answers(SILENCE_S) == []
    control.reset()
    assert client.ask(HEALTH)["reset"] == ResetReason.SOFTWARE


def test_the_watchdog_resets_a_stuck_firmware(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(stuck={"request": 1, "watchdog_s": 0.2}))
    client.send(ECHO)
    wait_for_resets(control, 1)
    health = ask_until_answered(client, HEALTH)
    assert (health["reset"], health["faults"]) == (ResetReason.FAULT, 1)
    assert health["fault"].startswith("watchdog")


def test_a_stuck_firmware_ends_with_its_line_process(
    client: Client, control: BoardControl, board: RunningBoard
) -> None:
    (firmware,) = board.children()
    control.set_faults(plan(stuck={"request": 1}))
    client.send(ECHO)
    wait_until(lambda: control.counters()["faults"]["stuck"] == 1)
    board.process.kill()
    wait_for_the_end_of(firmware)


@pytest.mark.parametrize(("when", "epoch_taken"), [("before", False), ("after", True)])
def test_a_reset_comes_before_or_after_the_request_is_handled(
    client: Client, control: BoardControl, when: str, epoch_taken: bool
) -> None:
    control.set_faults(plan(reset={"request": 2, "when": when}))
    client.ask(ECHO)
    client.send(message(65, 3, {"epoch": 9}))
    wait_for_resets(control, 1)
    health = ask_until_answered(client, HEALTH)
    assert (health["reset"], control.counters()["faults"]["reset"]) == (ResetReason.SOFTWARE, 1)
    refused = "err" in client.ask(message(65, 3, {"epoch": 8}))
    assert refused is epoch_taken


@pytest.mark.parametrize("signal_name", ["SIGSEGV", "SIGABRT"])
def test_tflm_dies_at_the_sample_told(
    client: Client, control: BoardControl, identity_image: bytes, signal_name: str
) -> None:
    install(client, identity_image, control)
    control.set_faults(plan(tflm_crash={"inference": 3, "signal": signal_name}))
    assert run_samples(client, b"\1\2\3\4", b"\5\6\7\x08")["data"] == bytes(range(1, 9))
    client.send(bytes(RunWriteRequest(off=0, data=bytes(4), len=4, n=1, crc=crc32(bytes(4)))))
    wait_for_resets(control, 2)
    health = ask_until_answered(client, HEALTH)
    assert (health["reset"], health["faults"]) == (ResetReason.FAULT, 1)
    assert signal_name in health["fault"]
    assert control.counters()["faults"]["tflm_crash"] == 1


def test_tflms_process_is_a_fork_that_ends_with_the_power_even_where_it_hangs(
    client: Client, control: BoardControl, board: RunningBoard, identity_image: bytes
) -> None:
    install(client, identity_image, control)
    client.ask(INFO)
    (firmware,) = board.children()
    (tflm,) = (int(child) for child in Path(f"/proc/{firmware}/task/{firmware}/children").read_text().split())
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (board.process.pid, firmware, tflm)]
    assert lines[0] == lines[1] == lines[2]
    # A UART in it would hide from the line process that the firmware has ended.
    assert not [entry for entry in Path(f"/proc/{tflm}/fd").iterdir() if "socket" in str(entry.readlink())]
    os.kill(tflm, signal.SIGSTOP)
    control.power("off")
    wait_for_the_end_of(tflm)


def test_a_board_lies_about_its_hash_in_both_places(
    client: Client, control: BoardControl, identity_image: bytes
) -> None:
    install(client, identity_image, control)
    true_hash = parse_image(identity_image).hash
    assert client.ask(INFO)["sha"] == true_hash
    control.set_faults(plan(false_hash=True))
    lies = {client.ask(INFO)["sha"], client.ask(STATES)["images"][0]["hash"]}
    assert true_hash not in lies
    assert len(lies) == 1
    assert control.counters()["faults"]["false_hash"] == 2


def test_wrong_outputs_differ_by_one_bit_and_have_a_good_checksum(
    client: Client, control: BoardControl, identity_image: bytes
) -> None:
    install(client, identity_image, control)
    control.set_faults(plan(seed=1, wrong_outputs=1.0))
    results = [run_samples(client, b"\1\2\3\4", b"\5\6\7\x08") for _ in range(2)]
    for result in results:
        assert result["crc"] == crc32(result["data"])
        for start in (0, 4):
            right, got = bytes(range(1 + start, 5 + start)), result["data"][start : start + 4]
            assert bin(int.from_bytes(right, "big") ^ int.from_bytes(got, "big")).count("1") == 1
    assert control.counters()["faults"]["wrong_output"] == 4
    control.set_faults(plan(seed=1, wrong_outputs=1.0))
    assert run_samples(client, b"\1\2\3\4", b"\5\6\7\x08")["data"] == results[0]["data"]


# The flash.


def test_a_power_cut_in_a_flash_operation_loses_power_and_the_board_boots(
    client: Client, control: BoardControl
) -> None:
    client.ask(message(65, 3, {"epoch": 3}))
    control.set_faults(plan(power_cut={"operation": 2, "share": 0.5}))
    client.ask(message(65, 3, {"epoch": 4}))
    client.send(message(65, 3, {"epoch": 5}))
    wait_for_resets(control, 1)
    assert ask_until_answered(client, HEALTH)["reset"] == ResetReason.POWER_ON
    assert client.ask(message(65, 3, {"epoch": 4})) == {"epoch": 4}
    assert control.counters()["faults"]["power_cut"] == 1


def test_a_power_cut_during_boot_only_starts_it_again(
    client: Client, control: BoardControl, identity_image: bytes
) -> None:
    install(client, identity_image, control)
    resets = control.counters()["resets"]
    client.ask(bytes(ImageStatesWrite(hash=parse_image(identity_image).hash, confirm=True)))
    offset = 0
    while offset < len(identity_image):
        first = {"len": len(identity_image)} if offset == 0 else {}
        chunk = {"off": offset, "data": identity_image[offset : offset + 400], **first}
        offset = client.ask(message(1, 1, chunk))["off"]
    client.ask(message(1, 0, {"hash": parse_image(identity_image).hash}))
    control.set_faults(plan(power_cut={"operation": 2}))
    control.reset()
    assert client.ask(INFO)["sha"] == parse_image(identity_image).hash
    assert control.counters()["resets"] >= resets + 1


def test_slow_flash_takes_its_time(client: Client, control: BoardControl, identity_image: bytes) -> None:
    control.set_faults(plan(slow_flash=1000))
    began = time.monotonic()
    client.ask(message(1, 1, {"off": 0, "len": len(identity_image), "data": identity_image[:400]}))
    assert time.monotonic() - began >= 0.4
    assert control.counters()["faults"]["slow_flash"] >= 1


# The control socket.


def test_power_off_loses_retained_memory_and_on_brings_the_board_back(client: Client, control: BoardControl) -> None:
    control.set_faults(plan(stuck={"request": 1, "watchdog_s": 0.05}))
    client.send(ECHO)
    wait_for_resets(control, 1)
    assert ask_until_answered(client, HEALTH)["faults"] == 1
    control.power("off")
    client.send(ECHO)
    assert client.answers(SILENCE_S) == []
    control.power("on")
    health = client.ask(HEALTH)
    assert (health["reset"], health["faults"]) == (ResetReason.POWER_ON, 0)
    control.power("cycle")
    assert client.ask(ECHO) == {"r": "hello"}


def test_counters_count_bytes_and_flash_operations(client: Client, control: BoardControl) -> None:
    before = control.counters()
    client.ask(ECHO)
    client.ask(message(65, 3, {"epoch": 1}))
    after = control.counters()
    sent = len(encode(ECHO)) + len(encode(message(65, 3, {"epoch": 1})))
    assert after["bytes_to_board"] - before["bytes_to_board"] == sent
    assert after["bytes_to_client"] - before["bytes_to_client"] == sum(map(len, client.portions))
    assert after["flash_operations"] > before["flash_operations"]
    assert set(after["faults"].values()) == {0}


def test_the_control_socket_is_the_owners_alone_and_names_mistakes(board: RunningBoard) -> None:
    assert (board.directory / "control").stat().st_mode & 0o777 == 0o600
    with BoardControl(board.directory) as control:
        for line in (b"{\n", b'{"command": "explode"}\n', b'{"command": "vanish", "seconds": -1}\n'):
            control._socket.sendall(line)
            assert b"error" in control._answers.readline()
        assert control.counters()["resets"] == 0


def test_without_a_board_the_control_says_so(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="no virtual board runs in"):
        BoardControl(tmp_path)


def test_a_plan_on_the_command_line_holds_from_the_start(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "faults.yaml").write_text("duplicate_replies: 1.0")
    with powered(tmp_path, signer, "--faults", str(tmp_path / "faults.yaml")) as client:
        client.send(ECHO)
        assert client.answers(DEADLINE_S, 2) == [{"r": "hello"}] * 2


def test_realtime_flash_takes_the_profiles_time(tmp_path: Path, signer: Signer, identity_image: bytes) -> None:
    chunk = message(1, 1, {"off": 0, "len": len(identity_image), "data": identity_image[:400]})
    with powered(tmp_path, signer, "--realtime", profile="cortex-m0plus") as client:
        began = time.monotonic()
        client.ask(chunk)
        # 400 bytes at the profile's 20,000 bytes a second.
        assert time.monotonic() - began >= 0.02


@contextmanager
def powered(directory: Path, signer: Signer, *options: str, profile: str = "cortex-m4") -> Iterator[Client]:
    with running_board(directory / "board", signer.public_key, profile=profile, options=options) as board:
        client = Client(board)
        yield client
        os.close(client.descriptor)


def wait_for_resets(control: BoardControl, count: int) -> None:
    wait_until(lambda: control.counters()["resets"] >= count)


def ask_until_answered(client: Client, request: bytes) -> dict[str, Any]:
    """What reaches a board while it resets may be lost."""
    for _ in range(20):
        client.send(request)
        answers = client.answers(1.0)
        if answers:
            return answers[0]
    pytest.fail("the board does not come back")
