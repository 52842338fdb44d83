"""Programs that gateways run, on the loopback only."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

DEADLINE_S = 120.0

# Debian installs daemons where only root's PATH looks.
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def program(name: str, package: str) -> str:
    """Path of a program; the test is skipped where it is not installed."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: {package})")
    return found


# Below the ports that Linux gives to whoever asks for any, so that nobody gets one between here and the daemon's start.
_FIRST_PORT = 10_000
_PORTS_A_WORKER = 2_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
_own_ports = itertools.cycle(
    range(_FIRST_PORT + _worker * _PORTS_A_WORKER, _FIRST_PORT + (_worker + 1) * _PORTS_A_WORKER)
)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens at, and that no other worker of this run is given."""
    return list(itertools.islice(filter(_is_free, _own_ports), count))


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@contextmanager
def daemon(command: Sequence[str | Path], log: Path, ports: Sequence[int]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a program in the foreground once it listens at the ports; its log is in the file."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            _wait_until_it_listens(process, ports, log)
            yield process
        finally:
            process.terminate()


def _wait_until_it_listens(process: subprocess.Popen[bytes], ports: Sequence[int], log: Path) -> None:
    until = time.monotonic() + DEADLINE_S
    while not all(listening(port) for port in ports):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, f"does not listen: {log.read_text()}"
        time.sleep(0.01)


def listening(port: int) -> bool:
    """Whether somebody listens at the loopback's port. /proc tells without a connection, which would open a device."""
    return f"0100007F:{port:04X} 00000000:0000 0A" in Path("/proc/net/tcp").read_text()
