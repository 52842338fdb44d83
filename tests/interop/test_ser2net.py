"""Boards behind ser2net, the RFC 2217 server that gateways run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.edge_deployer.sessions import put_for_good, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard

# Debian installs it where only root's PATH looks.
SER2NET = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
DEADLINE_S = 120.0

pytestmark = pytest.mark.skipif(SER2NET is None, reason="ser2net is not installed")


@contextmanager
def ser2net(device: str, folder: Path) -> Iterator[str]:
    """ser2net in front of a device, on the loopback only; yields the URL once it accepts connections."""
    assert SER2NET is not None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "ser2net.yaml"
    configuration.write_text(
        f"%YAML 1.1\n---\nconnection: &board\n  accepter: telnet(rfc2217=true),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{device},115200n81,local\n"
    )
    with subprocess.Popen([SER2NET, "-d", "-u", "-c", configuration], stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_until_it_listens(process, port)
            # A pty has no modem lines.
            yield f"rfc2217://127.0.0.1:{port}?ign_set_control"
        finally:
            process.terminate()


def _wait_until_it_listens(process: subprocess.Popen[str], port: int) -> None:
    """/proc tells without a connection, which would open the device."""
    listening = f"0100007F:{port:04X} 00000000:0000 0A"
    until = time.monotonic() + DEADLINE_S
    while listening not in Path("/proc/net/tcp").read_text():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until, "ser2net does not listen"
        time.sleep(0.01)


async def test_a_board_is_installed_and_asked_through_ser2net(
    board: RunningBoard, identity_image: bytes, tmp_path: Path
) -> None:
    # ser2net takes a device by its own path only.
    with ser2net(os.path.realpath(board.url), tmp_path) as url:
        async with session_with(url, line_rate=115200) as session:
            assert (await session.parameters()).buffer_bytes == 1024
            digest = await put_for_good(session, identity_image)
            inputs = np.array([[1, -2, 3, 4], [127, 0, -128, 5]], np.int8)
            assert np.array_equal((await session.infer(inputs)).outputs, inputs)
            assert (await session.info()).image_hash == digest
