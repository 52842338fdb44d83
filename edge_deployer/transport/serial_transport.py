"""smpclient's transport over any port that pyserial can open, in either of SMP's serial framings."""

from __future__ import annotations

import asyncio
import time

from smpclient.transport import SMPTransport

from edge_deployer.transport.ports import Port, PortClosed, open_port
from edge_deployer.wire.framing import FRAMINGS, FramingName

_SEQUENCE_OFFSET = 6
_HEADER_BYTES = 8
# What every SMP server's buffer holds; until the board has told its own.
_SMALLEST_BUFFER = 128


class GarbledReply(Exception):
    """Something came that was meant as a message, but is damaged."""


class SerialTransport(SMPTransport):
    """SMP over a serial line.

    Unlike smpclient's own, it works on ``socket://`` and ``rfc2217://``, and a reply that comes too late is skipped
    instead of being taken for the answer to the next request.

    Attributes:
        bytes_heard: bytes received since it was made.
        framing: how messages go over the line.

    Args:
        line_rate: bits per second.
        framing: the framing that the board's firmware is built with.
    """

    def __init__(self, line_rate: int, framing: FramingName = "console") -> None:
        self.bytes_heard = 0
        self.framing = FRAMINGS[framing]
        self._line_rate = line_rate
        self._port: Port | None = None
        self._decoder = self.framing.decoder(1 << 16)
        self._heard_at = time.monotonic()
        self._received: asyncio.Queue[bytes | GarbledReply | PortClosed] = asyncio.Queue()

    async def connect(self, address: str, timeout_s: float) -> None:
        """Open the port; after a `disconnect` also again.

        Args:
            address: device path or pyserial URL.
            timeout_s: how long a remote port may take.

        Raises:
            PortUnavailable: it cannot be opened.
            TimeoutError: it took too long.
        """
        opening = open_port(address, self._line_rate, self._take, self._end)
        try:
            self._port = await asyncio.wait_for(opening, timeout_s)
        except asyncio.TimeoutError as error:
            raise TimeoutError(f"{address} did not open in {timeout_s:g} s") from error

    async def disconnect(self) -> None:
        """Release the port and forget what has arrived."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.close()
        self._decoder.reset()
        self._received = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        """Send one SMP message. Cancelled half way it leaves half a message on the line.

        Raises:
            PortClosed: the port is gone.
        """
        if self._port is None:
            raise PortClosed("the port is not open")
        await self._port.write(self.framing.encode(data))

    async def receive(self) -> bytes:
        """Wait for the next SMP message.

        Raises:
            GarbledReply: what came is damaged.
            PortClosed: the port is gone.
        """
        received = await self._received.get()
        if isinstance(received, bytes):
            return received
        raise received

    async def send_and_receive(self, data: bytes) -> bytes:
        """Send a request and wait for the reply with its sequence number.

        Raises:
            GarbledReply: what came is damaged.
            PortClosed: the port is gone.
        """
        await self.send(data)
        while True:
            reply = await self.receive()
            if len(reply) >= _HEADER_BYTES and reply[_SEQUENCE_OFFSET] == data[_SEQUENCE_OFFSET]:
                return reply

    @property
    def mtu(self) -> int:
        """Size of the board's SMP buffer, bytes."""
        return self._smp_server_transport_buffer_size or _SMALLEST_BUFFER

    @property
    def max_unencoded_size(self) -> int:
        """Longest message that fits the board's buffer, bytes."""
        return self.mtu - self.framing.overhead

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        if self.framing.silence_s is not None and now - self._heard_at > self.framing.silence_s:
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
