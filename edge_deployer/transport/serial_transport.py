"""SMP over any port that pyserial can open, in either of SMP's serial framings."""

from __future__ import annotations

import asyncio
import time

from edge_deployer.profile import BoardProfile
from edge_deployer.transport.board_transport import DEVICE, GarbledReply, PortClosed, reached_by
from edge_deployer.transport.serial_port import Port, open_port
from edge_deployer.wire.framing import FRAMINGS

# 8N1: a start bit, eight of data, a stop bit.
_BITS_PER_BYTE = 10
_LONGEST_MESSAGE = 1 << 16


@reached_by(DEVICE, "socket", "rfc2217")
class SerialTransport:
    """SMP over a serial line, see `BoardTransport`.

    Unlike smpclient's own, it works on ``socket://`` and ``rfc2217://``. The profile has the line's rate, 0 for a line
    without a speed, and the framing that the board's firmware is built with.
    """

    def __init__(self, url: str, profile: BoardProfile) -> None:
        self.url = url
        self.seconds_per_byte = _BITS_PER_BYTE / profile.line_rate if profile.line_rate else 0.0
        self.bytes_heard = 0
        self._line_rate = profile.line_rate
        self._framing = FRAMINGS[profile.framing]
        self._port: Port | None = None
        self._decoder = self._framing.decoder(_LONGEST_MESSAGE)
        self._heard_at = time.monotonic()
        self._received: asyncio.Queue[bytes | GarbledReply | PortClosed] = asyncio.Queue()

    async def connect(self) -> None:
        """See `BoardTransport`."""
        self._port = await open_port(self.url, self._line_rate, self._take, self._end)

    async def disconnect(self) -> None:
        """See `BoardTransport`."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.close()
        self._decoder.reset()
        self._received = asyncio.Queue()

    async def send(self, message: bytes) -> None:
        """See `BoardTransport`."""
        if self._port is None:
            raise PortClosed("the port is not open")
        await self._port.write(self._framing.encode(message))

    async def receive(self) -> bytes:
        """See `BoardTransport`."""
        received = await self._received.get()
        if isinstance(received, bytes):
            return received
        raise received

    def line_bytes(self, message_bytes: int) -> int:
        """See `BoardTransport`."""
        return self._framing.encoded_length(message_bytes)

    def longest_message(self, buffer_bytes: int) -> int:
        """See `BoardTransport`."""
        return buffer_bytes - self._framing.overhead

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        if self._framing.silence_s is not None and now - self._heard_at > self._framing.silence_s:
            self._decoder.reset()
        self._heard_at = now
        self.bytes_heard += len(data)
        garbled = self._decoder.garbled
        for message in self._decoder.feed(data):
            self._received.put_nowait(message)
        if self._decoder.garbled > garbled:
            self._received.put_nowait(GarbledReply("a damaged message"))

    def _end(self, reason: str) -> None:
        self._received.put_nowait(PortClosed(reason))
