"""Boards at another site through stunnel with mutual TLS, with the files that the project ships."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.edge_deployer.virtual_board.running_board import RunningBoard
from tests.kubernetes.certificates import Authority
from tests.kubernetes.daemons import DEADLINE_S, daemon, free_ports, program
from tests.kubernetes.gateways import install_and_ask, running_ser2net
from tests.kubernetes.manifests import KUBERNETES

NEAR, FAR = KUBERNETES / "overlays/remote/stunnel.conf", KUBERNETES / "site/stunnel.conf"
SITE, PUSHER = "site-1.boards", "pusher.boards"
BOARDS = 2
SITE_PORTS = (4001, 4002)


@dataclass(frozen=True)
class Ports:
    """Free ports of the loopback, one for each board: of the near end, of the far end, of ser2net behind it."""

    near: Sequence[int]
    far: Sequence[int]
    ser2net: Sequence[int]


@pytest.fixture
def authority() -> Authority:
    return Authority.create("boards")


@pytest.fixture
def ports() -> Ports:
    free = free_ports(3 * BOARDS)
    return Ports(free[:BOARDS], free[BOARDS : 2 * BOARDS], free[2 * BOARDS :])


async def test_a_board_is_installed_and_asked_through_the_tunnel(
    authority: Authority, ports: Ports, board: RunningBoard, identity_image: bytes, tmp_path: Path
) -> None:
    site, pusher = authority.write(tmp_path / "site", SITE), authority.write(tmp_path / "pusher", PUSHER)
    moved = dict(zip(SITE_PORTS, ports.ser2net, strict=True))
    with running_ser2net(KUBERNETES / "site/ser2net.yaml", board, tmp_path, moved), tunnel(site, pusher, ports):
        await install_and_ask(ports.near[0], identity_image)


REFUSED_BY_SITE = {
    "a client without a certificate": None,
    "a certificate by another authority": (False, PUSHER),
    "another name": (True, "trainer.boards"),
}


@pytest.mark.parametrize("client", REFUSED_BY_SITE.values(), ids=REFUSED_BY_SITE.keys())
async def test_the_site_refuses(
    authority: Authority, ports: Ports, tmp_path: Path, client: tuple[bool, str] | None
) -> None:
    site = authority.write(tmp_path / "site", SITE)
    known, name = client or (True, PUSHER)
    pusher = (authority if known else Authority.create("strangers")).write(tmp_path / "pusher", name)
    # It does trust the site.
    (pusher / "ca.crt").write_bytes((site / "ca.crt").read_bytes())
    with tunnel(site, pusher, ports, with_certificate=client is not None):
        assert not await lets_through(ports)


@pytest.mark.parametrize(("known", "name"), [(False, SITE), (True, "elsewhere.boards")])
async def test_the_near_end_refuses_an_impostor(
    authority: Authority, ports: Ports, tmp_path: Path, known: bool, name: str
) -> None:
    pusher = authority.write(tmp_path / "pusher", PUSHER)
    site = (authority if known else Authority.create("strangers")).write(tmp_path / "site", name)
    # It takes everybody.
    (site / "ca.crt").write_bytes((pusher / "ca.crt").read_bytes())
    with tunnel(site, pusher, ports):
        assert not await lets_through(ports)


async def test_the_tunnel_lets_through_whom_both_ends_know(authority: Authority, ports: Ports, tmp_path: Path) -> None:
    """What the refusals above are measured by."""
    site, pusher = authority.write(tmp_path / "site", SITE), authority.write(tmp_path / "pusher", PUSHER)
    with tunnel(site, pusher, ports):
        assert await lets_through(ports)


@contextmanager
def tunnel(site: Path, pusher: Path, ports: Ports, *, with_certificate: bool = True) -> Iterator[None]:
    """Both ends, with the folders of their certificates."""
    stunnel = program("stunnel4", "stunnel4")
    far = _moved(FAR.read_text().replace("/etc/stunnel", str(site)), ports.far, ports.ser2net)
    near = _moved(NEAR.read_text().replace("/etc/site-tls", str(pusher)), ports.near, ports.far)
    if not with_certificate:
        near = re.sub(r"^(cert|key) = .*\n", "", near, flags=re.MULTILINE)
    (site / "stunnel.conf").write_text(far)
    (pusher / "stunnel.conf").write_text(near)
    far_end = daemon([stunnel, site / "stunnel.conf"], site / "log", ports.far)
    near_end = daemon([stunnel, pusher / "stunnel.conf"], pusher / "log", ports.near)
    with far_end, near_end:
        yield


def _moved(configuration: str, accept: Sequence[int], connect: Sequence[int]) -> str:
    """stunnel's configuration with other ports, all on the loopback."""
    return _with_addresses(_with_addresses(configuration, "accept", accept), "connect", connect)


def _with_addresses(configuration: str, key: str, ports: Sequence[int]) -> str:
    left = iter(ports)
    return re.sub(rf"(?<=^{key} = ).+", lambda _: f"127.0.0.1:{next(left)}", configuration, flags=re.MULTILINE)


async def lets_through(ports: Ports) -> bool:
    """Whether bytes from behind the far end come out at the near end; else the connection just ends."""

    async def greet(_: asyncio.StreamReader, line: asyncio.StreamWriter) -> None:
        line.write(b"board")
        line.close()

    async with await asyncio.start_server(greet, "127.0.0.1", ports.ser2net[0]):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", ports.near[0])
        except ConnectionResetError:  # stunnel can be quicker to end a connection than asyncio to see that it stands
            return False
        try:
            return await asyncio.wait_for(reader.read(16), DEADLINE_S) == b"board"
        except ConnectionResetError:
            return False
        finally:
            writer.close()
