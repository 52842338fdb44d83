"""Which transport a URL gets, and that a new one is nothing but a module with its registration."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.inventory.inventory import load_inventory
from edge_deployer.profile import BoardProfile, load_profile
from edge_deployer.transport import board_transport
from edge_deployer.transport.board_transport import open_transport, reached_by
from edge_deployer.transport.serial_transport import SerialTransport
from edge_deployer.transport.udp_transport import UdpTransport
from tests.edge_deployer.transport.memory_transport import MemoryTransport

PROFILE = load_profile("cortex-m4")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/dev/ttyACM0", SerialTransport),
        ("socket://gateway:4001", SerialTransport),
        ("RFC2217://gateway:4001?ign_set_control", SerialTransport),
        ("udp://board", UdpTransport),
    ],
)
def test_a_url_gets_the_transport_of_its_scheme(url: str, kind: type) -> None:
    transport = open_transport(url, PROFILE)
    assert isinstance(transport, kind)
    assert transport.url == url


def test_a_new_transport_is_known_everywhere_once_it_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board_transport, "_SCHEMES", dict(board_transport.schemes()))
    monkeypatch.setattr(board_transport, "schemes", lambda: board_transport._SCHEMES)

    @reached_by("memory", default_port=1)
    def in_memory(_url: str, _profile: BoardProfile) -> MemoryTransport:
        return MemoryTransport()

    assert isinstance(open_transport("memory://board", PROFILE), MemoryTransport)
    path = tmp_path / "boards.yaml"
    path.write_text(
        "boards:\n"
        '  - {name: s1, pool: staging, url: "memory://board"}\n'
        '  - {name: p1, pool: production, url: "memory://board:2"}\n'
    )
    assert [board.url for board in load_inventory(path).boards] == ["memory://board", "memory://board:2"]
