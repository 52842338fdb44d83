"""Boards at another site through OpenSSH, as docs/kubernetes.md says to set it up."""

from __future__ import annotations

import asyncio
import getpass
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.edge_deployer.virtual_board.running_board import RunningBoard
from tests.kubernetes.daemons import DEADLINE_S, daemon, free_ports, program
from tests.kubernetes.gateways import install_and_ask, running_ser2net
from tests.kubernetes.manifests import KUBERNETES

OPTIONS = ("ExitOnForwardFailure=yes", "ServerAliveInterval=15", "BatchMode=yes", "IdentitiesOnly=yes")
RIGHTS = 'restrict,port-forwarding,command="/bin/false",permitopen="127.0.0.1:{port}" '


@dataclass(frozen=True)
class Site:
    """An SSH server beside the boards.

    Attributes:
        folder: with the keys `pusher`, which is authorised, and `stranger`; and `known_hosts`.
        port: where it listens, on the loopback.
        boards: ports of the boards; the key may reach the first.
    """

    folder: Path
    port: int
    boards: tuple[int, int]

    def tunnel(self, key: str, near: int, board: int) -> list[str | Path]:
        """The command that brings the port of a board to a port here."""
        options = [*OPTIONS, f"UserKnownHostsFile={self.folder / 'known_hosts'}", f"IdentityFile={self.folder / key}"]
        forward = f"127.0.0.1:{near}:127.0.0.1:{board}"
        ssh = [program("ssh", "openssh-client"), "-F", "none", *(f"-o{option}" for option in options)]
        return [*ssh, "-N", "-L", forward, "-p", str(self.port), f"{getpass.getuser()}@127.0.0.1"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    sshd = program("sshd", "openssh-server")
    port, *boards = free_ports(3)
    for key in ("host", "pusher", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key], check=True)
    public = (tmp_path / "pusher.pub").read_text()
    (tmp_path / "authorized_keys").write_text(RIGHTS.format(port=boards[0]) + public)
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'host.pub').read_text()}")
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path / 'host'}\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {tmp_path / 'authorized_keys'}\nStrictModes no\nPasswordAuthentication no\n"
    )
    command = [sshd, "-D", "-e", "-f", tmp_path / "sshd_config"]
    make_separation_folder()
    with daemon(command, tmp_path / "sshd.log", [port]):
        yield Site(tmp_path, port, (boards[0], boards[1]))


def make_separation_folder() -> None:
    """Root's sshd wants an empty folder that Debian makes when it starts the service; other tests may use it too."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)


async def test_a_board_is_installed_and_asked_through_ssh(
    site: Site, board: RunningBoard, identity_image: bytes, tmp_path: Path
) -> None:
    (near,) = free_ports(1)
    moved = dict(zip((4001, 4002), site.boards, strict=True))
    command = site.tunnel("pusher", near, site.boards[0])
    with (
        running_ser2net(KUBERNETES / "site/ser2net.yaml", board, tmp_path, moved),
        daemon(command, tmp_path / "ssh.log", [near]),
    ):
        await install_and_ask(near, identity_image)


def test_a_key_that_is_not_authorised_gets_no_tunnel(site: Site) -> None:
    (near,) = free_ports(1)
    command = site.tunnel("stranger", near, site.boards[0])
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_authorised_key_reaches_its_boards_alone(site: Site, tmp_path: Path, allowed: bool) -> None:
    async def greet(_: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        line.write(b"board")
        line.close()

    (near,), target = free_ports(1), site.boards[0 if allowed else 1]
    with daemon(site.tunnel("pusher", near, target), tmp_path / "ssh.log", [near]):
        async with await asyncio.start_server(greet, "127.0.0.1", target):
            reader, writer = await asyncio.open_connection("127.0.0.1", near)
            assert await asyncio.wait_for(reader.read(16), DEADLINE_S) == (b"board" if allowed else b"")
            writer.close()


def test_an_authorised_key_runs_no_command(site: Site) -> None:
    words = [word for word in site.tunnel("pusher", *free_ports(1), site.boards[0]) if word != "-N"]
    done = subprocess.run(
        [*words, "id"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False
    )
    assert "uid=" not in done.stdout
