"""Requests that survive a bad line: each is repeated until it is answered or patience ends."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, TypeVar

import cbor2
from pydantic import ValidationError
from smp.error import MGMT_ERR, ErrorV1, ErrorV2
from smp.message import ReadResponse, WriteResponse
from smpclient.generics import SMPRequest, error, error_v2
from smpclient.requests.os_management import MCUMgrParametersRead

from edge_deployer.session.errors import BoardGone, BoardRefused, LineError, PortInUse
from edge_deployer.session.exchange import Exchange, Pending
from edge_deployer.session.facts import ServerParameters
from edge_deployer.session.pace import MessageSize, ReplyTime
from edge_deployer.transport import GarbledReply, PortBusy, PortClosed, PortUnavailable, SerialTransport
from edge_deployer.wire.framing import FramingName
from edge_deployer.wire.inference import GROUP, ErrorCode

# smp logs what it cannot parse; here a message that fails is routine. Applications that configure logging still get it.
logging.getLogger("smp").addHandler(logging.NullHandler())

_BITS_PER_BYTE = 10
_CONNECT_TIMEOUT_S = 10.0
_RECONNECT_DEADLINE_S = 10.0
_RECONNECT_POLL_S = 0.1
_DEADLINE_IN_TIMEOUTS = 4
_MOST_IN_FLIGHT = 3
_LOSSY_IN_FLIGHT = 2
_HEADER_BYTES = 8
_MESSAGE_OVERHEAD = 50
"""Bytes on the line of a chunk besides its data: SMP header, CBOR keys and offset, framing."""

USUAL_REPLY = 400
"""Bytes of a reply whose length is not known: the state of two images."""

_WORDS = {
    ErrorCode.NO_MODEL: "there is no image that may boot, or it holds no model",
    ErrorCode.ARENA_TOO_SMALL: "the model does not fit the board's arena",
    ErrorCode.UNSUPPORTED_OP: "the model has an operator that the board lacks",
    ErrorCode.MODEL_REFUSED: "TFLM cannot prepare the model",
    ErrorCode.INPUT_CRC: "the inputs arrived damaged",
    ErrorCode.INPUT_LENGTH: "the inputs are not as long as the model's input",
    ErrorCode.BATCH_TOO_BIG: "too many samples in one batch",
    ErrorCode.NO_RESULT: "there is no result to read",
    ErrorCode.STALE_EPOCH: "a newer lease holds the board",
    ErrorCode.IMAGE_TOO_BIG: "the image does not fit the board's slot",
    ErrorCode.SLOT_BUSY: "the spare slot is to boot next, or is what a trial reverts to",
    ErrorCode.BAD_STREAM: "the compressed image cannot be decompressed",
    ErrorCode.WRONG_MODEL: "it runs another image than before: it was reset",
}
_GENERAL_WORDS = {
    MGMT_ERR.EINVAL: "a field of the request is wrong",
    MGMT_ERR.ENOTSUP: "the firmware does not serve this command",
    MGMT_ERR.ENOMEM: "out of memory",
    MGMT_ERR.EMSGSIZE: "the answer does not fit the board's buffer",
    MGMT_ERR.EBADSTATE: "its state does not allow it",
    MGMT_ERR.EBUSY: "it is busy",
}

Response = TypeVar("Response", bound=ReadResponse | WriteResponse)
V1 = TypeVar("V1", bound=ErrorV1)
# smpclient's own bound is the bare generic, too.
V2 = TypeVar("V2", bound=ErrorV2)  # type: ignore[type-arg]


class NoReply(Exception):
    """One attempt got no usable reply.

    Args:
        garbled: a reply came, but damaged.
    """

    def __init__(self, *, garbled: bool) -> None:
        super().__init__("garbled" if garbled else "silent")
        self.garbled = garbled


class SmpLine:
    """smpclient's requests over one port, with retries.

    Attributes:
        url: the port.
        timeout_s: how long the board may think about an ordinary request.
        sizes: how long messages should be.

    Args:
        url: device path or pyserial URL.
        line_rate: bits per second; 0 for a line without a speed.
        framing: the framing that the board's firmware is built with.
        request_timeout_s: how long the board may think about an ordinary request.
    """

    def __init__(self, url: str, *, line_rate: int, framing: FramingName, request_timeout_s: float) -> None:
        self.url = url
        self.timeout_s = request_timeout_s
        self.sizes = MessageSize(_MESSAGE_OVERHEAD)
        self._line_rate = line_rate
        self._transport = SerialTransport(line_rate, framing)
        self._exchange: Exchange | None = None
        self._reply_time = ReplyTime()
        self._buffers = 1
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
        except (PortUnavailable, TimeoutError) as problem:
            raise BoardGone(self.url, f"the port cannot be opened: {problem}") from problem
        parameters = await self.parameters()
        self._transport.initialize(parameters.buffer_bytes)
        self._buffers = parameters.buffer_count
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
        return self._transport.max_unencoded_size

    @property
    def best_message(self) -> int:
        """Bytes of the SMP message that gets most data over the line as it has shown itself so far."""
        longest = self.longest_message
        share = self.sizes.line_bytes / self.line_bytes(longest)
        return longest if share >= 1 else int(longest * share)

    @property
    def most_in_flight(self) -> int:
        """How many requests may be on their way at once: the board keeps one buffer for its answers."""
        most = _LOSSY_IN_FLIGHT if self.sizes.is_lossy else _MOST_IN_FLIGHT
        return max(1, min(most, self._buffers - 1))

    @property
    def bytes_heard(self) -> int:
        """Bytes received so far, damaged ones too."""
        return self._transport.bytes_heard

    @property
    def deadline_s(self) -> float:
        """Seconds after which a board that says nothing is gone."""
        return _DEADLINE_IN_TIMEOUTS * self.timeout_s

    @property
    def reply_timeout_s(self) -> float:
        """Seconds besides the time on the line after which a reply is unlikely to come."""
        return min(self.timeout_s, self._reply_time.timeout_s)

    def line_bytes(self, message_bytes: int) -> int:
        """Bytes on the line for a message."""
        return self._transport.framing.encoded_length(message_bytes)

    def line_seconds(self, line_bytes: int) -> float:
        """Seconds that so many bytes take on the line."""
        return line_bytes * _BITS_PER_BYTE / self._line_rate if self._line_rate else 0.0

    def post(self, request: SMPRequest[Response, V1, V2]) -> Pending:
        """Send a request without waiting; its reply goes to `decode`."""
        if self._exchange is None:
            raise BoardGone(self.url, "the session is not open")
        return self._exchange.post(request.BYTES)

    def abandon(self, pending: Pending) -> None:
        """Wait no longer for a reply."""
        if self._exchange is not None:
            self._exchange.abandon(pending)

    def note_reply(self, seconds: float) -> None:
        """A reply took so long, besides its time on the line."""
        self._reply_time.note(seconds)

    async def ask(self, request: SMPRequest[Response, V1, V2], what: str, *, patience_s: float = 0.0) -> Response:
        """Send a request until it is answered.

        Args:
            request: the request; the board may get it several times.
            what: what it asks the board to do, for error messages.
            patience_s: how long the board may take over this one if that is more than usual.

        Raises:
            BoardRefused: the answer is an error.
            BoardGone: no answer to any attempt, or the line went away and did not come back.
            LineError: answers come, but damaged.
        """
        garbled, heard, attempts = False, self.bytes_heard, 0
        # A line that goes away and comes back does not count against the board.
        until, wait_s = time.monotonic() - self._away_s + max(self.deadline_s, patience_s), self.reply_timeout_s
        while (left_s := until + self._away_s - time.monotonic()) > 0:
            attempts += 1
            try:
                return await self.ask_once(request, what, min(wait_s, left_s))
            except NoReply as attempt:
                garbled = garbled or attempt.garbled
                if not attempt.garbled:
                    wait_s = min(2 * wait_s, max(self.timeout_s, patience_s))
        if garbled or self.bytes_heard > heard:
            raise LineError(self.url, f"asked to {what}, but only damaged bytes come back")
        raise BoardGone(self.url, f"asked to {what}, but no answer to {attempts} attempts")

    async def ask_once(
        self, request: SMPRequest[Response, V1, V2], what: str, timeout_s: float, *, reply_bytes: int = USUAL_REPLY
    ) -> Response:
        """One attempt.

        Args:
            request: the request.
            what: what it asks the board to do, for error messages.
            timeout_s: how long the board may take, besides the time on the line.
            reply_bytes: how long the answer may be.

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
        self.note_reply(time.monotonic() - sent - self.line_seconds(sent_bytes + self.line_bytes(len(frame))))
        return self.decode(request, frame, what)

    def decode(self, request: SMPRequest[Response, V1, V2], frame: bytes, what: str) -> Response:
        """The response in a reply.

        Args:
            request: what it answers.
            frame: the SMP message.
            what: what the board was asked to do, for error messages.

        Raises:
            NoReply: it is not an answer to this request.
            BoardRefused: the answer is an error.
        """
        for kind in (request._Response, request._ErrorV1, request._ErrorV2):
            try:
                response: Any = kind.loads(frame)
            except (ValidationError, cbor2.CBORDecodeError, ValueError):
                continue
            if error(response):
                raise self._refusal(response, what)
            found: Response = response
            return found
        raise self._unknown_refusal(frame, what) or NoReply(garbled=True)

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
        except (PortUnavailable, TimeoutError):
            return False
        return True

    async def _connect(self) -> None:
        try:
            await self._transport.connect(self.url, _CONNECT_TIMEOUT_S)
        except PortBusy as busy:
            raise PortInUse(self.url) from busy
        self._exchange = Exchange(self._transport)

    def _refusal(self, response: ErrorV1 | V2, what: str) -> BoardRefused:
        if error_v2(response):
            return self._group_refusal(int(response.err.group), int(response.err.rc), response.err.rc.name, what)
        code = MGMT_ERR(response.rc)
        words = _GENERAL_WORDS.get(code, _readable(code.name))
        return BoardRefused(self.url, what, group=None, code=int(code), words=words)

    def _group_refusal(self, group: int, code: int, name: str, what: str) -> BoardRefused:
        words = _WORDS.get(ErrorCode(code)) if group == GROUP and code in set(ErrorCode) else None
        return BoardRefused(self.url, what, group=group, code=code, words=words or _readable(name))

    def _unknown_refusal(self, frame: bytes, what: str) -> BoardRefused | None:
        """An error code that neither smp nor this project knows; None if the frame is not an error at all."""
        try:
            fields = cbor2.loads(frame[_HEADER_BYTES:])
        except (cbor2.CBORDecodeError, ValueError):
            return None
        match fields:
            case {"err": {"group": int(group), "rc": int(code)}}:
                return self._group_refusal(group, code, "an error that is not in its group's specification", what)
            case {"rc": int(code)} if code:
                words = "an error that MCUmgr does not have"
                return BoardRefused(self.url, what, group=None, code=code, words=words)
        return None


def _readable(name: str) -> str:
    return name.lower().replace("_", " ")
