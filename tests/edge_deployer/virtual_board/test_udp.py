"""The board on the network, seen by plain sockets."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cbor2
import pytest

from edge_deployer.child_process import module_command
from edge_deployer.transport.board_transport import host_and_port
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, LineNoise
from edge_deployer.wire.smp import HEADER_BYTES, Header
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board

BUFFER = 1024


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Iterator[RunningBoard]:
    with running_board(tmp_path_factory.mktemp("network") / "board", signer.public_key, udp=True) as running:
        yield running


@contextmanager
def client_of(board: RunningBoard) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(60)
        client.connect(host_and_port(board.url))
        yield client


def echo(text: str, sequence: int = 0) -> bytes:
    return Header(op=2, version=1, group=0, sequence=sequence, command=0).before(cbor2.dumps({"d": text}))


def answered(client: socket.socket) -> str:
    text: str = cbor2.loads(client.recv(1 << 16)[HEADER_BYTES:])["r"]
    return text


def test_it_has_an_address_instead_of_a_pty(board: RunningBoard) -> None:
    assert board.url.startswith("udp://127.0.0.1:")
    assert not (board.directory / "line").exists()


def test_a_message_that_fills_the_buffer_is_answered_and_a_longer_one_is_dropped(board: RunningBoard) -> None:
    fits = "x" * (BUFFER - len(echo("x" * 300)) + 300)
    with client_of(board) as client:
        client.send(echo(fits + "x"))
        client.send(echo(fits))
        assert len(echo(fits)) == BUFFER
        assert answered(client) == fits


def test_what_is_no_request_is_ignored(board: RunningBoard) -> None:
    with client_of(board) as client:
        for datagram in (b"", b"\xff", echo("cut short")[:-1], echo("too long") + b"x", bytes(60_000)):
            client.send(datagram)
        client.send(echo("a request"))
        assert answered(client) == "a request"


def test_each_client_gets_its_own_answers(board: RunningBoard) -> None:
    with client_of(board) as one, client_of(board) as other:
        one.send(echo("one", sequence=1))
        other.send(echo("other", sequence=2))
        assert (answered(one), answered(other)) == ("one", "other")


def test_damage_on_the_way_is_a_datagram_that_is_lost(board: RunningBoard) -> None:
    with client_of(board) as client, BoardControl(board.directory) as control:
        control.set_faults(FaultPlan(to_board=LineNoise(lost_bytes=1.0)))
        client.send(echo("lost"))
        while not control.counters()["faults"]["lost_byte"]:
            pass
        control.set_faults(FaultPlan())
        client.send(echo("arrives"))
        assert answered(client) == "arrives"


def test_a_board_that_vanishes_is_refused_and_comes_back_at_its_port(board: RunningBoard) -> None:
    with client_of(board) as client, BoardControl(board.directory) as control:
        control.vanish(0.3)
        assert answer_unless_refused(client) is None
        while (answer := answer_unless_refused(client)) is None:
            pass
        assert answer == "there?"


def answer_unless_refused(client: socket.socket) -> str | None:
    with suppress(ConnectionRefusedError):
        client.send(echo("there?"))
        return answered(client)
    return None


@pytest.mark.parametrize("option", ["udp=", "udp=65536"])
def test_a_wrong_port_is_named(tmp_path: Path, signer: Signer, option: str) -> None:
    done = powered_on(tmp_path, signer, option)
    assert done.returncode == 2
    assert f"{option!r} is not an option of a board" in done.stderr
    assert "udp=PORT" in done.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path, signer: Signer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        done = powered_on(tmp_path, signer, f"udp={port}")
    assert done.returncode == 2
    assert f"UDP port {port} cannot be had: Address already in use" in done.stderr


def powered_on(folder: Path, signer: Signer, option: str) -> subprocess.CompletedProcess[str]:
    words = ["--board", str(folder / "board"), "cortex-m4", str(signer.public_key), option]
    command = [*module_command("edge_deployer.virtual_board"), *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
