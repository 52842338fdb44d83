"""A gateway's programs with the project's own files, moved to the loopback, and work through them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.edge_deployer.sessions import put_on_trial, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard
from tests.kubernetes.daemons import daemon, program


def moved_ser2net(configuration: str, board: RunningBoard, ports: Mapping[int, int]) -> str:
    """ser2net's configuration with a virtual board as its first device, and its ports on the loopback.

    Args:
        configuration: the file's text.
        board: the board.
        ports: the file's ports, and those to take instead.
    """
    text = re.sub(r"serialdev,[^,]+", f"serialdev,{board.url}", configuration, count=1)
    return re.sub(r"tcp,(?:127\.0\.0\.1,)?(\d+)", lambda match: f"tcp,127.0.0.1,{ports[int(match[1])]}", text)


@contextmanager
def running_ser2net(file: Path, board: RunningBoard, folder: Path, ports: Mapping[int, int]) -> Iterator[int]:
    """ser2net with a file of the project; yields its process id."""
    ser2net = program("ser2net", "ser2net")
    (folder / "ser2net.yaml").write_text(moved_ser2net(file.read_text(), board, ports))
    command = [ser2net, "-d", "-u", "-c", folder / "ser2net.yaml"]
    with daemon(command, folder / "ser2net.log", list(ports.values())) as process:
        yield process.pid


async def install_and_ask(port: int, image: bytes) -> None:
    """Installs an image that gives its inputs back, through a port of the loopback, and sees that it does."""
    # A pty has no modem lines.
    async with session_with(f"rfc2217://127.0.0.1:{port}?ign_set_control", line_rate=115200) as session:
        await put_on_trial(session, image)
        inputs = np.array([[1, -2, 3, 4], [127, 0, -128, 5]], np.int8)
        assert np.array_equal((await session.infer(inputs)).outputs, inputs)
