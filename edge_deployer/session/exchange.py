"""Requests and replies on one transport: several may be on their way, each reply finds its request."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass

from edge_deployer.transport.board_transport import BoardTransport, GarbledReply, PortClosed
from edge_deployer.wire.smp import Header, with_sequence

_SEQUENCE_NUMBERS = 256
# A reply that comes later than this is not expected: until then its number is not given to another request.
_LATEST_REPLY_S = 60.0


@dataclass
class Pending:
    """A request that was handed over for sending."""

    sequence: int
    request: Header
    reply: asyncio.Future[bytes]  # The reply's message; or `GarbledReply`, `PortClosed`.

    def is_answered_by(self, header: Header) -> bool:
        """Whether a reply is to such a request; behind a bridge, other clients' replies are heard, too."""
        told = (header.op, header.group, header.command)
        return told == (self.request.op + 1, self.request.group, self.request.command)


class Exchange:
    """Sends requests in the order of `post`, each whole, and hands replies to those who wait for them.

    A request whose sender was cancelled still goes out whole: half a message would damage the one after it.
    """

    def __init__(self, transport: BoardTransport) -> None:
        self._transport = transport
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._pending: dict[int, Pending] = {}
        self._abandoned: dict[int, float] = {}
        # The board may still answer whoever spoke to it before: those replies are not to meet a request of ours.
        self._sequence = secrets.randbelow(_SEQUENCE_NUMBERS)
        self._closed: PortClosed | None = None
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]

    async def close(self) -> None:
        """Stop; the transport stays as it is."""
        self._end(PortClosed("the session was closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def ended(self) -> bool:
        """Whether the port is gone or `close` was called."""
        return self._closed is not None

    def post(self, request: bytes) -> Pending:
        """Queue a request under a sequence number of this exchange's own."""
        sequence = self._free_sequence()
        header = Header.of(request)
        assert header is not None
        pending = Pending(sequence, header, asyncio.get_running_loop().create_future())
        # Nobody may be left to ask why it failed.
        pending.reply.add_done_callback(lambda reply: reply.cancelled() or reply.exception())
        if self._closed:
            pending.reply.set_exception(self._closed)
        else:
            self._pending[sequence] = pending
            self._outgoing.put_nowait(with_sequence(request, sequence))
        return pending

    def abandon(self, pending: Pending) -> None:
        """Wait no longer for a reply; if it comes, it is dropped."""
        if self._pending.pop(pending.sequence, None) is pending:
            self._abandoned[pending.sequence] = time.monotonic()
        pending.reply.cancel()

    def _free_sequence(self) -> int:
        """The next number that no request uses and no late reply may carry; else the one abandoned first."""
        now = time.monotonic()
        for _ in range(_SEQUENCE_NUMBERS):
            self._sequence = (self._sequence + 1) % _SEQUENCE_NUMBERS
            abandoned = self._abandoned.get(self._sequence)
            if self._sequence not in self._pending and (abandoned is None or now - abandoned > _LATEST_REPLY_S):
                self._abandoned.pop(self._sequence, None)
                return self._sequence
        oldest = min(self._abandoned, key=lambda sequence: self._abandoned[sequence])
        del self._abandoned[oldest]
        return oldest

    async def _send(self) -> None:
        try:
            while True:
                await self._transport.send(await self._outgoing.get())
        except PortClosed as closed:
            self._end(closed)

    async def _receive(self) -> None:
        while not self.ended:
            await self._receive_one()

    async def _receive_one(self) -> None:
        try:
            self._deliver(await self._transport.receive())
        except GarbledReply as damage:
            self._blame_oldest(damage)
        except PortClosed as closed:
            self._end(closed)

    def _deliver(self, message: bytes) -> None:
        header = Header.of(message)
        pending = None if header is None else self._pending.get(header.sequence)
        if header is None or pending is None or not pending.is_answered_by(header):
            return
        del self._pending[header.sequence]
        if not pending.reply.done():
            pending.reply.set_result(message)

    def _blame_oldest(self, damage: GarbledReply) -> None:
        """A board answers in order (Zephyr's `smp.c`): what came damaged answers the oldest request.

        Where that is wrong, as datagrams may overtake each other, a request is sent once more than it had to be.
        """
        if not self._pending:
            return
        oldest = self._pending.pop(next(iter(self._pending)))
        self._abandoned[oldest.sequence] = time.monotonic()
        with contextlib.suppress(asyncio.InvalidStateError):
            oldest.reply.set_exception(damage)

    def _end(self, closed: PortClosed) -> None:
        self._closed = self._closed or closed
        for pending in self._pending.values():
            if not pending.reply.done():
                pending.reply.set_exception(closed)
        self._pending.clear()
