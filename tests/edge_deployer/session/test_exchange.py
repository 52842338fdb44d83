"""Several requests on one line: each reply finds its own request, and nothing else does."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from edge_deployer.session.exchange import Exchange
from edge_deployer.transport import GarbledReply, PortClosed, SerialTransport
from edge_deployer.wire.console import Decoder, encode

REQUEST = bytes([2 | 1 << 3, 0, 0, 0, 0, 0, 0, 0])


def answer(sequence: int) -> bytes:
    return bytes([3 | 1 << 3, 0, 0, 0, 0, 0, sequence, 0])


class FarEnd:
    """What comes out of the line."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._decoder = Decoder()

    async def messages(self, count: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < count:
            with suppress(BlockingIOError):
                found += self._decoder.feed(os.read(self.descriptor, 4096))
            await asyncio.sleep(0)
        return found

    def write(self, data: bytes) -> None:
        os.write(self.descriptor, data)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[FarEnd, Exchange]]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    transport = SerialTransport(115200)
    await transport.connect(os.ttyname(slave), 1)
    exchange = Exchange(transport)
    yield FarEnd(master), exchange
    await exchange.close()
    await transport.disconnect()
    os.close(slave)
    os.close(master)


async def test_replies_find_their_requests_in_any_order(ends: tuple[FarEnd, Exchange]) -> None:
    far, exchange = ends
    first, second = exchange.post(REQUEST), exchange.post(REQUEST)
    sent = await far.messages(2)
    assert [message[6] for message in sent] == [first.sequence, second.sequence]
    far.write(encode(answer(second.sequence)) + encode(answer(first.sequence)))
    assert await first.reply == answer(first.sequence)
    assert await second.reply == answer(second.sequence)


async def test_a_late_reply_never_answers_another_request(ends: tuple[FarEnd, Exchange]) -> None:
    far, exchange = ends
    late = exchange.post(REQUEST)
    exchange.abandon(late)
    for _ in range(600):
        pending = exchange.post(REQUEST)
        assert pending.sequence != late.sequence
        far.write(encode(answer(late.sequence)) + encode(answer(pending.sequence)))
        assert await pending.reply == answer(pending.sequence)


async def test_numbers_never_run_out(ends: tuple[FarEnd, Exchange]) -> None:
    _, exchange = ends
    for _ in range(600):
        exchange.abandon(exchange.post(REQUEST))
    assert not exchange.post(REQUEST).reply.done()


async def test_damage_is_blamed_on_the_oldest_request(ends: tuple[FarEnd, Exchange]) -> None:
    far, exchange = ends
    first, second = exchange.post(REQUEST), exchange.post(REQUEST)
    await far.messages(2)
    damaged = encode(answer(first.sequence))
    far.write(damaged[:5] + b"!" + damaged[6:] + encode(answer(second.sequence)))
    with pytest.raises(GarbledReply):
        await first.reply
    assert await second.reply == answer(second.sequence)


async def test_a_request_goes_out_whole_though_its_sender_has_given_up(ends: tuple[FarEnd, Exchange]) -> None:
    far, exchange = ends
    long = REQUEST + bytes(60_000)
    exchange.abandon(exchange.post(long))
    after = exchange.post(REQUEST)
    (one, other) = await far.messages(2)
    assert (len(one), other[6]) == (len(long), after.sequence)


async def test_when_it_ends_nobody_waits_on(ends: tuple[FarEnd, Exchange]) -> None:
    _, exchange = ends
    before = exchange.post(REQUEST)
    await exchange.close()
    for pending in (before, exchange.post(REQUEST)):
        with pytest.raises(PortClosed):
            await pending.reply
