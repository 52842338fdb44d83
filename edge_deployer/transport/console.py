"""smpclient's transport over any port that pyserial can open, in SMP's console framing."""

from __future__ import annotations

import asyncio

from smpclient.transport import SMPTransport

from edge_deployer.transport.ports import Port, PortClosed, open_port
from edge_deployer.wire.console import FRAME_OVERHEAD, Decoder, encode

_SEQUENCE_OFFSET = 6
_HEADER_BYTES = 8
# What every SMP server's buffer holds; until the board has told its own.
_SMALLEST_BUFFER = 128


class GarbledReply(Exception):
    """Something came that was meant as a frame, but is damaged."""


class ConsoleTransport(SMPTransport):
    """SMP over a serial line.

    Unlike smpclient's own, it works on ``socket://`` and ``rfc2217://``, and a reply that comes too late is skipped
    instead of being taken for the answer to the next request.

    Attributes:
        bytes_heard: bytes received since `connect`.

    Args:
        line_rate: bits per second.
    """

    def __init__(self, line_rate: int) -> None:
        self.bytes_heard = 0
        self._line_rate = line_rate
        self._port: Port | None = None
        self._decoder = Decoder()
        self._received: asyncio.Queue[bytes | GarbledReply | PortClosed] = asyncio.Queue()

    async def connect(self, address: str, timeout_s: float) -> None:
        """Open the port.

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
        """Release the port."""
        if self._port is not None:
            self._port.close()
            self._port = None

    async def send(self, data: bytes) -> None:
        """Send one SMP message.

        Raises:
            PortClosed: the port is gone.
        """
        if self._port is None:
            raise PortClosed("the port is not open")
        await self._port.write(encode(data))

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

    def resync(self) -> None:
        """Forget what has arrived, whole or in part, so that the next request starts clean."""
        self._decoder.reset()
        kept = [item for item in self._drained() if isinstance(item, PortClosed)]
        for item in kept:
            self._received.put_nowait(item)

    @property
    def mtu(self) -> int:
        """Size of the board's SMP buffer, bytes."""
        return self._smp_server_transport_buffer_size or _SMALLEST_BUFFER

    @property
    def max_unencoded_size(self) -> int:
        """Longest message that fits the board's buffer, bytes."""
        return self.mtu - FRAME_OVERHEAD

    def _drained(self) -> list[bytes | GarbledReply | PortClosed]:
        return [self._received.get_nowait() for _ in range(self._received.qsize())]

    def _take(self, data: bytes) -> None:
        self.bytes_heard += len(data)
        garbled = self._decoder.garbled
        for message in self._decoder.feed(data):
            self._received.put_nowait(message)
        if self._decoder.garbled > garbled:
            self._received.put_nowait(GarbledReply("a damaged frame"))

    def _end(self, reason: str) -> None:
        self._received.put_nowait(PortClosed(reason))
