"""The transport on a pty whose other end is this test."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import Iterator

import pytest

from edge_deployer.transport import GarbledReply, PortClosed, SerialTransport
from edge_deployer.wire.console import encode

REQUEST = bytes([2 | 1 << 3, 0, 0, 0, 0, 0, 42, 0])
ANSWER = bytes([3 | 1 << 3, 0, 0, 0, 0, 0, 42, 0])
LATE_ANSWER = bytes([3 | 1 << 3, 0, 0, 0, 0, 0, 41, 0])


@pytest.fixture
def ends() -> Iterator[tuple[int, str]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


async def test_a_late_answer_is_not_taken_for_the_next_one(ends: tuple[int, str]) -> None:
    master, name = ends
    transport = SerialTransport(115200)
    await transport.connect(name, 1)
    os.write(master, encode(LATE_ANSWER) + encode(ANSWER))
    assert await asyncio.wait_for(transport.send_and_receive(REQUEST), 60) == ANSWER
    await transport.disconnect()


async def test_a_damaged_answer_is_reported_at_once(ends: tuple[int, str]) -> None:
    master, name = ends
    transport = SerialTransport(115200)
    await transport.connect(name, 1)
    good = encode(ANSWER)
    os.write(master, good[:-8] + (b"B" if good[-8:-7] == b"A" else b"A") + good[-7:])
    with pytest.raises(GarbledReply):
        await asyncio.wait_for(transport.send_and_receive(REQUEST), 60)
    await transport.disconnect()


async def test_opened_again_it_has_forgotten_what_arrived(ends: tuple[int, str]) -> None:
    master, name = ends
    transport = SerialTransport(115200)
    await transport.connect(name, 1)
    os.write(master, encode(ANSWER)[:-4])
    while not transport.bytes_heard:
        await asyncio.sleep(0)
    await transport.disconnect()
    await transport.connect(name, 1)
    os.write(master, encode(LATE_ANSWER))
    assert await asyncio.wait_for(transport.receive(), 60) == LATE_ANSWER
    await transport.disconnect()


async def test_a_transport_without_a_port_says_so() -> None:
    with pytest.raises(PortClosed):
        await SerialTransport(115200).send(REQUEST)
