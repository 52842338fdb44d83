"""Requests that survive a bad line: each is repeated, after a resync, until it is answered or patience ends."""

from __future__ import annotations

import logging
from typing import TypeVar

import cbor2
from smp.error import MGMT_ERR, ErrorV1, ErrorV2
from smp.message import ReadResponse, WriteResponse
from smpclient import SMPClient
from smpclient.exceptions import SMPClientException
from smpclient.generics import SMPRequest, error, error_v2
from smpclient.requests.os_management import MCUMgrParametersRead

from edge_deployer.session.errors import BoardGone, BoardRefused, LineError, PortInUse
from edge_deployer.session.facts import ServerParameters
from edge_deployer.transport import ConsoleTransport, GarbledReply, PortBusy, PortClosed, PortUnavailable
from edge_deployer.wire.console import encoded_length
from edge_deployer.wire.inference import ErrorCode

# smpclient logs each failed attempt as an error; here an attempt that fails is routine. Applications that configure
# logging still get to see them.
logging.getLogger("smpclient").addHandler(logging.NullHandler())

_ATTEMPTS = 4
_BITS_PER_BYTE = 10
_CONNECT_TIMEOUT_S = 10.0
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
    """smpclient over one port, with retries.

    Args:
        url: device path or pyserial URL.
        line_rate: bits per second; 0 for a line without a speed.
        request_timeout_s: how long the board may think about an ordinary request.
    """

    def __init__(self, url: str, *, line_rate: int, request_timeout_s: float) -> None:
        self.url = url
        self.timeout_s = request_timeout_s
        self._line_rate = line_rate
        self._transport = ConsoleTransport(line_rate)
        self.client = SMPClient(self._transport, url)

    async def open(self) -> ServerParameters:
        """Open the port and learn the size of the board's buffer.

        Raises:
            PortInUse: somebody holds the port.
            BoardGone: there is no such port, or nobody answers.
            LineError: what answers is damaged.
        """
        try:
            await self._transport.connect(self.url, _CONNECT_TIMEOUT_S)
        except PortBusy as busy:
            raise PortInUse(self.url) from busy
        except (PortUnavailable, TimeoutError) as problem:
            raise BoardGone(self.url, f"the port cannot be opened: {problem}") from problem
        parameters = await self.parameters()
        self._transport.initialize(parameters.buffer_bytes)
        return parameters

    async def parameters(self) -> ServerParameters:
        """MCUmgr parameters of the board; errors as `ask`."""
        answer = await self.ask(MCUMgrParametersRead(), "tell its parameters")
        return ServerParameters(answer.buf_size, answer.buf_count)

    async def close(self) -> None:
        """Release the port."""
        await self._transport.disconnect()

    @property
    def longest_message(self) -> int:
        """Bytes of the longest SMP message the board takes."""
        return self._transport.max_unencoded_size

    async def ask(self, request: SMPRequest[Response, V1, V2], what: str, *, patience_s: float = 0.0) -> Response:
        """Send a request until it is answered.

        Each repetition carries the same sequence number, so a reply to an earlier one is as good.

        Args:
            request: the request.
            what: what it asks the board to do, for error messages.
            patience_s: how long the board may take over this one if that is more than usual. Each attempt then waits
                twice as long as the one before it, so that a request that got lost is still soon repeated.

        Raises:
            BoardRefused: the answer is an error.
            BoardGone: no answer to any attempt.
            LineError: answers come, but damaged.
        """
        garbled, heard = False, self._transport.bytes_heard
        for attempt_number in range(_ATTEMPTS):
            share = 2**attempt_number / (2**_ATTEMPTS - 1)
            try:
                return await self.ask_once(request, what, max(self.timeout_s, patience_s * share))
            except NoReply as attempt:
                garbled = garbled or attempt.garbled
        if garbled or self._transport.bytes_heard > heard:
            raise LineError(self.url, f"asked to {what}, but only damaged bytes come back")
        raise BoardGone(self.url, f"asked to {what}, but no answer to {_ATTEMPTS} attempts")

    async def ask_once(self, request: SMPRequest[Response, V1, V2], what: str, timeout_s: float) -> Response:
        """One attempt.

        Args:
            request: the request.
            what: what it asks the board to do, for error messages.
            timeout_s: how long the board may take, besides the time on the line.

        Raises:
            NoReply: nothing usable came in time.
            BoardRefused: the answer is an error.
            BoardGone: the port went away.
        """
        try:
            response = await self.client.request(request, timeout_s + self._seconds_on_line(request))
        except TimeoutError as silence:
            self._transport.resync()
            raise NoReply(garbled=False) from silence
        except (GarbledReply, SMPClientException, cbor2.CBORDecodeError, ValueError) as damage:
            self._transport.resync()
            raise NoReply(garbled=True) from damage
        except PortClosed as end:
            raise BoardGone(self.url, f"the line went away: {end}") from end
        if error(response):
            raise self._refusal(response, what)
        return response

    def _seconds_on_line(self, request: SMPRequest[Response, V1, V2]) -> float:
        """Time the request and the longest reply take at the line rate."""
        if not self._line_rate:
            return 0.0
        length = encoded_length(len(request.BYTES)) + encoded_length(self.longest_message)
        return length * _BITS_PER_BYTE / self._line_rate

    def _refusal(self, response: ErrorV1 | V2, what: str) -> BoardRefused:
        if error_v2(response):
            code = response.err.rc
            words = _WORDS[code] if isinstance(code, ErrorCode) and code in _WORDS else _readable(code.name)
            return BoardRefused(self.url, what, group=int(response.err.group), code=int(code), words=words)
        code = MGMT_ERR(response.rc)
        return BoardRefused(self.url, what, group=None, code=int(code), words=_GENERAL.get(code, _readable(code.name)))


_GENERAL = {
    MGMT_ERR.EINVAL: "a field of the request is wrong",
    MGMT_ERR.ENOTSUP: "the firmware does not serve this command",
    MGMT_ERR.ENOMEM: "out of memory",
    MGMT_ERR.EMSGSIZE: "the answer does not fit the board's buffer",
    MGMT_ERR.EBADSTATE: "its state does not allow it",
    MGMT_ERR.EBUSY: "it is busy",
}


def _readable(name: str) -> str:
    return name.lower().replace("_", " ")
