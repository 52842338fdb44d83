"""Requests that survive a bad line: each is repeated until it is answered or patience ends."""

from __future__ import annotations

import asyncio
import time

from smpclient.generics import SMPRequest
from smpclient.requests.os_management import MCUMgrParametersRead

from edge_deployer.ending import within
from edge_deployer.session.errors import BoardGone, LineError, PortInUse
from edge_deployer.session.exchange import Exchange, Pending
from edge_deployer.session.facts import ServerParameters
from edge_deployer.session.pace import MessageSize, ReplyTime
from edge_deployer.session.replies import V1, V2, NoReply, Response, decode_reply
from edge_deployer.transport.board_transport import BoardTransport, GarbledReply, PortBusy, PortClosed, PortUnavailable

_CONNECT_TIMEOUT_S = 10.0
_RECONNECT_DEADLINE_S = 10.0
_RECONNECT_POLL_S = 0.1
_DEADLINE_IN_TIMEOUTS = 4
# One that the board works on, one that waits for it, one on the line: more do not make it faster.
_MOST_IN_FLIGHT = 3
# What is behind a lost chunk has to be sent again.
_LOSSY_IN_FLIGHT = 2
_MESSAGE_OVERHEAD = 50
"""Bytes on the line of a chunk besides its data: SMP header, CBOR keys and offset, framing."""
_SMALLEST_BUFFER = 128
"""Bytes that every SMP server's buffer holds; until the board has told its own."""

_USUAL_REPLY = 400
"""Bytes of a reply whose length is not known: the state of two images."""


class SmpLine:
    """smpclient's requests over one transport, with retries."""

    def __init__(self, transport: BoardTransport, *, request_timeout_s: float) -> None:
        self.url = transport.url
        self.timeout_s = request_timeout_s
        self.sizes, self.reply_time = MessageSize(_MESSAGE_OVERHEAD), ReplyTime()
        self._transport = transport
        self._exchange: Exchange | None = None
        self._buffer_bytes, self._buffers = _SMALLEST_BUFFER, 1
        self._reopening = asyncio.Lock()
        self._away_s = 0.0

    async def open(self) -> ServerParameters:
        """Open the port and learn the size of the board's buffer.

        Raises:
            PortInUse: somebody holds the port.
            BoardGone: there is no such port, or nobody answers.
            LineError: what answers is damaged.
        """
        try:
            await self._connect()
        except PortUnavailable as problem:
            raise BoardGone(self.url, f"the port cannot be opened: {problem}") from problem
        parameters = await self.parameters()
        self._buffer_bytes, self._buffers = parameters.buffer_bytes, parameters.buffer_count
        return parameters

    async def parameters(self) -> ServerParameters:
        """MCUmgr parameters of the board; errors as `ask`."""
        answer = await self.ask(MCUMgrParametersRead(), "tell its parameters")
        return ServerParameters(answer.buf_size, answer.buf_count)

    async def close(self) -> None:
        """Release the port."""
        exchange, self._exchange = self._exchange, None
        await self._release(exchange)

    @property
    def longest_message(self) -> int:
        """Bytes of the longest SMP message the board takes."""
        return self._transport.longest_message(self._buffer_bytes)

    @property
    def best_message(self) -> int:
        """Bytes of the SMP message that gets most data over the line as it has shown itself so far."""
        longest = self.longest_message
        share = self.sizes.line_bytes / self.line_bytes(longest)
        return longest if share >= 1 else int(longest * share)

    @property
    def most_in_flight(self) -> int:
        """How many requests may be on their way at once.

        One buffer is left for the answer: Zephyr takes it from the same pool when it comes to a request, and refuses
        the request with ENOMEM if there is none (`smp_process_request_packet`).
        """
        most = _LOSSY_IN_FLIGHT if self.sizes.is_lossy else _MOST_IN_FLIGHT
        return max(1, min(most, self._buffers - 1))

    @property
    def deadline_s(self) -> float:
        """Seconds after which a board that says nothing is gone."""
        return _DEADLINE_IN_TIMEOUTS * self.timeout_s

    @property
    def reply_timeout_s(self) -> float:
        """Seconds besides the time on the line after which a reply is unlikely to come."""
        return min(self.timeout_s, self.reply_time.timeout_s)

    def line_bytes(self, message_bytes: int) -> int:
        """Bytes on the line for a message."""
        return self._transport.line_bytes(message_bytes)

    def line_seconds(self, line_bytes: int) -> float:
        """Seconds that so many bytes take on the line."""
        return line_bytes * self._transport.seconds_per_byte

    def post(self, request: SMPRequest[Response, V1, V2]) -> Pending:
        """Send a request without waiting; its reply goes to `decode_reply`."""
        if self._exchange is None:
            raise BoardGone(self.url, "the session is not open")
        return self._exchange.post(request.BYTES)

    def abandon(self, pending: Pending) -> None:
        """Wait no longer for a reply."""
        if self._exchange is not None:
            self._exchange.abandon(pending)

    async def ask(self, request: SMPRequest[Response, V1, V2], what: str, *, patience_s: float = 0.0) -> Response:
        """Send a request until it is answered; the board may get it several times.

        Args:
            request: the request.
            what: what it asks the board to do, for error messages.
            patience_s: how long the board may take over this one if that is more than usual.

        Raises:
            BoardRefused: the answer is an error.
            BoardGone: no answer to any attempt, or the line went away and did not come back.
            LineError: answers come, but damaged.
        """
        garbled, heard, attempts = False, self._transport.bytes_heard, 0
        # A line that goes away and comes back does not count against the board.
        until, wait_s = time.monotonic() - self._away_s + max(self.deadline_s, patience_s), self.reply_timeout_s
        while (left_s := until + self._away_s - time.monotonic()) > 0:
            attempts += 1
            try:
                return await self.ask_once(request, what, min(wait_s, left_s))
            except NoReply as attempt:
                garbled = garbled or attempt.garbled
                # Silence may be a board that needs longer (RFC 6298, (5.5)); damage says that it has answered.
                if not attempt.garbled:
                    wait_s = min(2 * wait_s, max(self.timeout_s, patience_s))
        if garbled or self._transport.bytes_heard > heard:
            raise LineError(self.url, f"asked to {what}, but only damaged bytes come back")
        raise BoardGone(self.url, f"asked to {what}, but no answer to {attempts} attempts")

    async def ask_once(
        self, request: SMPRequest[Response, V1, V2], what: str, timeout_s: float, *, reply_bytes: int = _USUAL_REPLY
    ) -> Response:
        """One attempt.

        Raises:
            NoReply: nothing usable came in time.
            BoardRefused: the answer is an error.
            BoardGone: the port went away and did not come back.
        """
        sent_bytes = self.line_bytes(len(request.BYTES))
        line_s = self.line_seconds(sent_bytes + self.line_bytes(min(reply_bytes, self.longest_message)))
        pending, sent = self.post(request), time.monotonic()
        try:
            # Not `wait_for`: on Python 3.10 it forgets a cancellation that comes together with the reply.
            await asyncio.wait([pending.reply], timeout=timeout_s + line_s)
            if not pending.reply.done():
                self.sizes.note(sent_bytes, arrived=False)
                raise NoReply(garbled=False)
            frame = pending.reply.result()
        except GarbledReply as damage:
            raise NoReply(garbled=True) from damage
        except PortClosed as end:
            await self.reopen(end)
            raise NoReply(garbled=False) from end
        finally:
            self.abandon(pending)
        self.sizes.note(sent_bytes, arrived=True)
        self.reply_time.note(time.monotonic() - sent - self.line_seconds(sent_bytes + self.line_bytes(len(frame))))
        return decode_reply(self.url, request, frame, what)

    async def reopen(self, reason: PortClosed) -> None:
        """Wait until a port that went away is back, perhaps as another device behind the same name, and open it.

        Raises:
            BoardGone: it does not come back within 10 s.
            PortInUse: somebody else was faster.
        """
        async with self._reopening:
            if self._exchange is not None and not self._exchange.ended:
                return
            # The ended exchange stays: whoever asks after this was cancelled, or was in vain, tries to reopen again.
            await self._release(self._exchange)
            began = time.monotonic()
            while not await self._try_connect():
                if time.monotonic() - began > _RECONNECT_DEADLINE_S:
                    raise BoardGone(self.url, f"the line went away ({reason}) and did not come back") from reason
                await asyncio.sleep(_RECONNECT_POLL_S)
            self._away_s += time.monotonic() - began

    async def _release(self, exchange: Exchange | None) -> None:
        try:
            if exchange is not None:
                await exchange.close()
        finally:
            # Also where this is cancelled: the port would stay locked.
            await self._transport.disconnect()

    async def _try_connect(self) -> bool:
        try:
            await self._connect()
        except PortUnavailable:
            return False
        return True

    async def _connect(self) -> None:
        try:
            await within(_CONNECT_TIMEOUT_S, self._transport.connect())
        except PortBusy as busy:
            raise PortInUse(self.url) from busy
        except asyncio.TimeoutError as slow:
            raise PortUnavailable(f"it did not open in {_CONNECT_TIMEOUT_S:g} s") from slow
        self._exchange = Exchange(self._transport)
