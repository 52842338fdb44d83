"""The UDP transport on a loopback port whose other end is this test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.session import BoardGone, DeviceSession
from edge_deployer.transport.board_transport import (
    GarbledReply,
    PortClosed,
    PortUnavailable,
    host_and_port,
    open_transport,
)
from edge_deployer.transport.udp_transport import UdpTransport
from edge_deployer.wire.smp import Header

PROFILE = load_profile("cortex-m4")
REQUEST = Header(op=0, version=1, group=0, sequence=42, command=6).before(b"\xa0")
ANSWER, LATE_ANSWER = (Header(op=1, version=1, group=0, sequence=number, command=6).before(b"") for number in (42, 41))
Address = tuple[str, int]


class FarEnd:
    """A UDP port as a board has it."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(60)
        self.url = f"udp://127.0.0.1:{self.socket.getsockname()[1]}"

    def next_request(self) -> tuple[bytes, Address]:
        """The next datagram that is not empty, and who sent it."""
        while True:
            datagram, sender = self.socket.recvfrom(1 << 16)
            if datagram:
                return datagram, sender


@pytest.fixture
def far() -> Iterator[FarEnd]:
    end = FarEnd()
    with end.socket:
        yield end


async def connected(url: str) -> UdpTransport:
    transport = UdpTransport(url, PROFILE)
    await transport.connect()
    return transport


async def heard(transport: UdpTransport) -> bytes:
    return await asyncio.wait_for(transport.receive(), 60)


async def test_a_message_is_a_datagram_each_way(far: FarEnd) -> None:
    transport = await connected(far.url)
    await transport.send(REQUEST)
    request, client = far.next_request()
    assert request == REQUEST
    far.socket.sendto(ANSWER, client)
    assert await heard(transport) == ANSWER
    assert transport.bytes_heard == len(ANSWER)
    await transport.disconnect()


async def test_a_datagram_that_is_no_message_is_damage(far: FarEnd) -> None:
    transport = await connected(far.url)
    await transport.send(REQUEST)
    _, client = far.next_request()
    for wrong in (b"", ANSWER[:7], ANSWER[:-1], ANSWER + b"more"):
        far.socket.sendto(wrong, client)
        with pytest.raises(GarbledReply):
            await heard(transport)
    far.socket.sendto(ANSWER, client)
    assert await heard(transport) == ANSWER
    await transport.disconnect()


async def test_nobody_but_the_board_is_heard(far: FarEnd) -> None:
    transport = await connected(far.url)
    await transport.send(REQUEST)
    _, client = far.next_request()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(LATE_ANSWER, client)
    far.socket.sendto(ANSWER, client)
    assert await heard(transport) == ANSWER
    await transport.disconnect()


async def test_opened_again_it_hears_nothing_from_before(far: FarEnd) -> None:
    transport = await connected(far.url)
    await transport.send(REQUEST)
    _, before = far.next_request()
    await transport.disconnect()
    await transport.connect()
    await transport.send(REQUEST)
    _, now = far.next_request()
    far.socket.sendto(LATE_ANSWER, before)
    far.socket.sendto(ANSWER, now)
    assert await heard(transport) == ANSWER
    await transport.disconnect()


async def test_where_nobody_listens_a_session_says_so_at_once(far: FarEnd) -> None:
    far.socket.close()
    with pytest.raises(BoardGone, match=r"no SMP server listens there: Connection refused") as caught:
        async with DeviceSession(open_transport(far.url, PROFILE)):
            pass
    assert caught.value.url == far.url
    assert "network" in caught.value.remedy


async def test_a_board_that_stops_listening_has_gone(far: FarEnd) -> None:
    transport = await connected(far.url)
    far.socket.close()
    await transport.send(REQUEST)
    with pytest.raises(PortClosed, match="refused"):
        await heard(transport)
    with pytest.raises(PortUnavailable, match="refused"):
        await transport.connect()
    await transport.disconnect()


async def test_all_addresses_of_a_name_are_tried(far: FarEnd) -> None:
    """localhost is mostly ::1 first."""
    _, port = host_and_port(far.url)
    transport = await connected(f"udp://localhost:{port}")
    await transport.send(REQUEST)
    assert far.next_request()[0] == REQUEST
    await transport.disconnect()


async def test_a_name_without_an_address_is_named() -> None:
    with pytest.raises(PortUnavailable, match=r"no address of board\.invalid is known"):
        await connected("udp://board.invalid")


async def test_a_transport_without_a_port_says_so() -> None:
    with pytest.raises(PortClosed):
        await UdpTransport("udp://board", PROFILE).send(REQUEST)


@pytest.mark.parametrize(("buffer_bytes", "longest"), [(384, 384), (1452, 1452), (4096, 1452)])
def test_a_message_fits_the_buffer_and_one_packet(buffer_bytes: int, longest: int) -> None:
    transport = UdpTransport("udp://board", PROFILE)
    assert transport.longest_message(buffer_bytes) == longest
    assert transport.line_bytes(longest) <= 1500
    assert transport.seconds_per_byte == 0


def test_zephyrs_port_is_the_default() -> None:
    assert host_and_port("udp://board") == ("board", 1337)
