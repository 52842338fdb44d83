"""A bench as a cluster has it: boards behind an RFC 2217 gateway, an inventory that names them, the key they trust."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.edge_deployer.session.remote_lines import rfc2217_line
from tests.edge_deployer.virtual_board.running_board import Signer, running_board
from tests.kubernetes.daemons import daemon, free_ports

POOLS = {"staging-1": "staging", "staging-2": "staging", "production-1": "production"}

# Debian installs it where only root's PATH looks.
_SER2NET = shutil.which("ser2net", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True)
class Bench:
    """Boards that answer over TCP.

    Attributes:
        inventory: the file that names them.
        signing_key: a release signed with it may run on them.
    """

    inventory: Path
    signing_key: Path


@contextmanager
def running_bench(folder: Path) -> Iterator[Bench]:
    """Boards, and ser2net in front of them; pyserial's RFC 2217 server where that is not installed."""
    signer = Signer.generate(folder)
    with ExitStack() as running:
        boards = {name: running.enter_context(running_board(folder / name, signer.public_key)) for name in POOLS}
        # ser2net takes a device by its own path only.
        devices = {name: os.path.realpath(board.url) for name, board in boards.items()}
        urls = running.enter_context(_ser2net(devices, folder) if _SER2NET else _pyserial(devices))
        inventory = folder / "boards.yaml"
        entries = [{"name": name, "pool": POOLS[name], "url": url} for name, url in urls.items()]
        inventory.write_text(yaml.safe_dump({"public_key": str(signer.public_key), "boards": entries}))
        yield Bench(inventory, signer.private_key)


@contextmanager
def _ser2net(devices: Mapping[str, str], folder: Path) -> Iterator[dict[str, str]]:
    ports = dict(zip(devices, free_ports(len(devices)), strict=True))
    connections = [
        f"connection: &{name}\n  accepter: telnet(rfc2217=true),tcp,127.0.0.1,{ports[name]}\n"
        f"  connector: serialdev,{device},115200n81,local\n"
        for name, device in devices.items()
    ]
    configuration = folder / "ser2net.yaml"
    configuration.write_text("%YAML 1.1\n---\n" + "".join(connections))
    command = [str(_SER2NET), "-d", "-u", "-c", configuration]
    with daemon(command, folder / "ser2net.log", list(ports.values())):
        # A pty has no modem lines.
        yield {name: f"rfc2217://127.0.0.1:{port}?ign_set_control" for name, port in ports.items()}


@contextmanager
def _pyserial(devices: Mapping[str, str]) -> Iterator[dict[str, str]]:
    with ExitStack() as lines:
        yield {name: lines.enter_context(rfc2217_line(device)) for name, device in devices.items()}
