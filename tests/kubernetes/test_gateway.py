"""ser2net with the configuration that the gateway's pod gets."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

from tests.edge_deployer.virtual_board.running_board import RunningBoard
from tests.kubernetes.daemons import free_ports
from tests.kubernetes.gateways import install_and_ask, running_ser2net
from tests.kubernetes.manifests import KUBERNETES

CONFIGURATION = KUBERNETES / "overlays/staging/ser2net.yaml"
ALIVE, FIRST_BOARD = 3999, 4001


def ports() -> dict[int, int]:
    """Ports of the configuration, and free ones."""
    theirs = [int(port) for port in re.findall(r"tcp,(\d+)", CONFIGURATION.read_text())]
    return dict(zip(theirs, free_ports(len(theirs)), strict=True))


async def test_a_board_is_installed_and_asked_through_the_gateways_configuration(
    board: RunningBoard, identity_image: bytes, tmp_path: Path
) -> None:
    moved = ports()
    with running_ser2net(CONFIGURATION, board, tmp_path, moved):
        await install_and_ask(moved[FIRST_BOARD], identity_image)


def test_a_probe_is_answered_and_opens_no_board(board: RunningBoard, tmp_path: Path) -> None:
    moved = ports()
    line = os.path.realpath(board.url)
    with running_ser2net(CONFIGURATION, board, tmp_path, moved) as pid:
        with socket.create_connection(("127.0.0.1", moved[ALIVE]), timeout=60) as probe:
            probe.sendall(b"alive?")
            assert probe.recv(16) == b"alive?"
            assert line not in open_files(pid)
        # What the probe's port must not do, a board's port does.
        with socket.create_connection(("127.0.0.1", moved[FIRST_BOARD]), timeout=60) as client:
            assert client.recv(16)
            # ser2net 4.6 answers before it has opened the line.
            deadline = time.monotonic() + 30
            while line not in open_files(pid):
                assert time.monotonic() < deadline
                time.sleep(0.01)


def open_files(pid: int) -> set[str]:
    return {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
