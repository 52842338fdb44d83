"""Several requests on one line: each reply finds its own request, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge_deployer.session.exchange import Exchange
from edge_deployer.transport.board_transport import GarbledReply, PortClosed
from edge_deployer.wire.smp import Header
from tests.edge_deployer.transport.memory_transport import MemoryTransport

REQUEST = Header(op=2, version=1, group=0, sequence=0, command=0).before(b"")


def answer(sequence: int) -> bytes:
    return Header(op=3, version=1, group=0, sequence=sequence, command=0).before(b"")


def sequence_of(message: bytes) -> int:
    header = Header.of(message)
    assert header is not None
    return header.sequence


class Line(MemoryTransport):
    """Holds messages up while it is full."""

    def __init__(self) -> None:
        super().__init__()
        self.sending: list[bytes] = []
        self.room = asyncio.Event()
        self.room.set()

    async def send(self, message: bytes) -> None:
        self.sending.append(message)
        await self.room.wait()
        await super().send(message)

    async def messages(self, count: int) -> list[bytes]:
        while len(self.sent) < count:
            await asyncio.sleep(0)
        return self.sent


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Line, Exchange]]:
    line = Line()
    exchange = Exchange(line)
    yield line, exchange
    await exchange.close()


async def test_another_clients_reply_under_the_same_number_is_not_taken(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    pending = exchange.post(REQUEST)
    await line.messages(1)
    other = Header(op=3, version=1, group=1, sequence=pending.sequence, command=0)
    line.hear([other.before(b""), other._replace(group=0, command=5).before(b""), answer(pending.sequence)])
    assert await pending.reply == answer(pending.sequence)


async def test_replies_find_their_requests_in_any_order(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    first, second = exchange.post(REQUEST), exchange.post(REQUEST)
    sent = await line.messages(2)
    assert [sequence_of(message) for message in sent] == [first.sequence, second.sequence]
    line.hear([answer(second.sequence), answer(first.sequence)])
    assert await first.reply == answer(first.sequence)
    assert await second.reply == answer(second.sequence)


async def test_a_late_reply_never_answers_another_request(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    late = exchange.post(REQUEST)
    exchange.abandon(late)
    for _ in range(600):
        pending = exchange.post(REQUEST)
        assert pending.sequence != late.sequence
        line.hear([answer(late.sequence), answer(pending.sequence)])
        assert await pending.reply == answer(pending.sequence)


async def test_what_is_shorter_than_a_header_answers_nobody(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    pending = exchange.post(REQUEST)
    line.hear([b"", answer(pending.sequence)[:7], answer(pending.sequence)])
    assert await pending.reply == answer(pending.sequence)


async def test_numbers_never_run_out(ends: tuple[Line, Exchange]) -> None:
    _, exchange = ends
    for _ in range(600):
        exchange.abandon(exchange.post(REQUEST))
    assert not exchange.post(REQUEST).reply.done()


async def test_damage_is_blamed_on_the_oldest_request(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    first, second = exchange.post(REQUEST), exchange.post(REQUEST)
    await line.messages(2)
    line.hear([GarbledReply("damaged"), answer(second.sequence)])
    with pytest.raises(GarbledReply):
        await first.reply
    assert await second.reply == answer(second.sequence)


async def test_a_request_goes_out_whole_though_its_sender_has_given_up(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    line.room.clear()
    given_up = exchange.post(REQUEST)
    while not line.sending:
        await asyncio.sleep(0)
    exchange.abandon(given_up)
    after = exchange.post(REQUEST)
    line.room.set()
    assert [sequence_of(message) for message in await line.messages(2)] == [given_up.sequence, after.sequence]


async def test_when_it_ends_nobody_waits_on(ends: tuple[Line, Exchange]) -> None:
    _, exchange = ends
    before = exchange.post(REQUEST)
    await exchange.close()
    for pending in (before, exchange.post(REQUEST)):
        with pytest.raises(PortClosed):
            await pending.reply


async def test_a_line_that_goes_away_ends_all_requests(ends: tuple[Line, Exchange]) -> None:
    line, exchange = ends
    before = exchange.post(REQUEST)
    line.hear([PortClosed("unplugged")])
    for pending in (before, exchange.post(REQUEST)):
        with pytest.raises(PortClosed, match="unplugged"):
            await pending.reply
    assert exchange.ended
