from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.processes import wait_until
from tests.warm_start import warm_start

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the server's children in /proc")

CHILD = "edge_deployer.tflm.worker"


@pytest.fixture(scope="module")
def command() -> Iterator[Callable[[str], list[str]]]:
    with warm_start() as found:
        yield found


def start(command: Callable[[str], list[str]]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(CHILD), stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def assert_serves(command: Callable[[str], list[str]]) -> None:
    with start(command) as child:
        child.communicate(b"", timeout=60)
    assert child.returncode == 0


def command_line(process: Path) -> bytes:
    """Of a process; empty if it is gone by now."""
    try:
        return (process / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def server_of(address: str) -> int:
    """The server that listens at this socket."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and command_line(entry).endswith(f"\0{address}\0".encode()):
            return int(entry.name)
    raise LookupError(address)


def test_a_fork_and_its_client_may_end_at_once(command: Callable[[str], list[str]]) -> None:
    server = server_of(command(CHILD)[-2])
    children = Path(f"/proc/{server}/task/{server}/children")
    with start(command) as client:
        wait_until(lambda: bool(children.read_text()))
        (fork,) = children.read_text().split()
        os.kill(server, signal.SIGSTOP)
        assert client.stdin
        client.stdin.close()
        wait_until(lambda: Path(f"/proc/{fork}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        client.kill()
    os.kill(server, signal.SIGCONT)
    assert_serves(command)


def test_a_client_may_end_before_it_has_said_what_it_wants(command: Callable[[str], list[str]]) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(command(CHILD)[-2])
    assert_serves(command)
