"""The transport on a pty whose other end is this test."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import Iterator

import pytest

from edge_deployer.profile import load_profile
from edge_deployer.transport.board_transport import GarbledReply, PortClosed
from edge_deployer.transport.serial_transport import SerialTransport
from edge_deployer.wire.console import encode
from edge_deployer.wire.framing import FramingName
from edge_deployer.wire.smp import Header

PROFILE = load_profile("cortex-m4")
ANSWER, LATE_ANSWER = (Header(op=3, version=1, group=0, sequence=number, command=0).before(b"") for number in (42, 41))


@pytest.fixture
def ends() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


async def test_messages_come_in_the_order_they_were_sent(ends: tuple[int, str]) -> None:
    master, name = ends
    transport = SerialTransport(name, PROFILE)
    await transport.connect()
    os.write(master, encode(LATE_ANSWER) + encode(ANSWER))
    assert [await asyncio.wait_for(transport.receive(), 60) for _ in range(2)] == [LATE_ANSWER, ANSWER]
    await transport.disconnect()


async def test_a_damaged_answer_is_reported_at_once(ends: tuple[int, str]) -> None:
    master, name = ends
    transport = SerialTransport(name, PROFILE)
    await transport.connect()
    good = encode(ANSWER)
    os.write(master, good[:-8] + (b"B" if good[-8:-7] == b"A" else b"A") + good[-7:])
    with pytest.raises(GarbledReply):
        await asyncio.wait_for(transport.receive(), 60)
    await transport.disconnect()


async def test_opened_again_it_has_forgotten_what_arrived(ends: tuple[int, str]) -> None:
    master, name = ends
    transport = SerialTransport(name, PROFILE)
    await transport.connect()
    os.write(master, encode(ANSWER)[:-4])
    while not transport.bytes_heard:
        await asyncio.sleep(0)
    await transport.disconnect()
    await transport.connect()
    os.write(master, encode(LATE_ANSWER))
    assert await asyncio.wait_for(transport.receive(), 60) == LATE_ANSWER
    await transport.disconnect()


async def test_a_transport_without_a_port_says_so() -> None:
    with pytest.raises(PortClosed):
        await SerialTransport("/dev/nowhere", PROFILE).send(ANSWER)


@pytest.mark.parametrize(("framing", "longest", "on_the_line"), [("console", 508, 702), ("raw", 512, 508)])
def test_a_message_costs_what_its_framing_adds(framing: FramingName, longest: int, on_the_line: int) -> None:
    transport = SerialTransport("/dev/nowhere", PROFILE.model_copy(update={"framing": framing}))
    assert transport.longest_message(512) == longest
    assert transport.line_bytes(508) == on_the_line
    assert transport.seconds_per_byte == 10 / 115200
