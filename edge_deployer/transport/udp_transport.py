"""SMP over UDP, as Zephyr has it: a message in each datagram, without framing.

Sources: Zephyr's `smp_udp.c`, `Kconfig.udp`; RFC 8085, "UDP Usage Guidelines".
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from edge_deployer.profile import BoardProfile
from edge_deployer.transport.board_transport import (
    GarbledReply,
    PortClosed,
    PortUnavailable,
    host_and_port,
    reached_by,
)
from edge_deployer.wire.smp import whole_message

# CONFIG_MCUMGR_TRANSPORT_UDP_PORT
_DEFAULT_PORT = 1337
_IP_AND_UDP_BYTES = 48
# A longer datagram would travel in pieces, and be lost with any of them (RFC 8085, section 3.2). Zephyr takes messages
# of up to 1,500 bytes (CONFIG_MCUMGR_TRANSPORT_UDP_MTU) that also fit its buffer.
_LONGEST_MESSAGE = 1500 - _IP_AND_UDP_BYTES
_LARGEST_DATAGRAM = 1 << 16
# A host on which nobody listens says so within a round trip (ICMP, port unreachable). One that is not there is silent.
_REFUSAL_S = 0.1


@reached_by("udp", default_port=_DEFAULT_PORT)
class UdpTransport:
    """SMP over UDP, see `BoardTransport`, for ``udp://host`` or ``udp://host:port``.

    The socket is connected, so that the kernel drops what comes from anyone but the board. Nothing keeps another client
    from the board: that is for its claim alone. The network has neither rate nor framing that a profile could tell.
    """

    def __init__(self, url: str, profile: BoardProfile) -> None:  # noqa: ARG002
        self.url = url
        self.seconds_per_byte = 0.0
        self.bytes_heard = 0
        self._socket: socket.socket | None = None
        self._received: asyncio.Queue[bytes | GarbledReply | PortClosed] = asyncio.Queue()

    async def connect(self) -> None:
        """See `BoardTransport`. Finds out whether the host refuses; a host that is silent counts as open."""
        host, port = host_and_port(self.url)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise PortUnavailable(f"no address of {host} is known: {error.strerror}") from error
        refusals = []
        for family, _, _, _, address in found:
            refusal = await self._open(family, address)
            if refusal is None:
                return
            refusals.append(refusal)
        raise PortUnavailable(f"no SMP server listens there: {', '.join(refusals)}")

    async def disconnect(self) -> None:
        """See `BoardTransport`."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        self._received = asyncio.Queue()

    async def send(self, message: bytes) -> None:
        """See `BoardTransport`."""
        if self._socket is None:
            raise PortClosed("the port is not open")
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, message)
        except OSError as error:
            raise PortClosed(error.strerror) from error

    async def receive(self) -> bytes:
        """See `BoardTransport`."""
        received = await self._received.get()
        if isinstance(received, bytes):
            return received
        raise received

    def line_bytes(self, message_bytes: int) -> int:
        """See `BoardTransport`."""
        return message_bytes + _IP_AND_UDP_BYTES

    def longest_message(self, buffer_bytes: int) -> int:
        """See `BoardTransport`."""
        return min(buffer_bytes, _LONGEST_MESSAGE)

    async def _open(self, family: int, address: tuple[object, ...]) -> str | None:
        """Open a socket to one of the host's addresses; why there is nobody, where that shows."""
        await self.disconnect()
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(self._socket, address)
            loop.add_reader(self._socket, self._read)
            # No server takes an empty datagram for a request.
            await self.send(b"")
            with suppress(asyncio.TimeoutError, GarbledReply):
                await asyncio.wait_for(self.receive(), _REFUSAL_S)
        except OSError as error:
            return error.strerror
        except PortClosed as closed:
            return str(closed)
        return None

    def _read(self) -> None:
        assert self._socket is not None
        try:
            datagram = self._socket.recv(_LARGEST_DATAGRAM)
        except BlockingIOError:
            return
        except OSError as error:
            # What was sent found nobody.
            self._received.put_nowait(PortClosed(error.strerror))
            return
        self.bytes_heard += len(datagram)
        whole = whole_message(datagram) is not None
        self._received.put_nowait(datagram if whole else GarbledReply("a datagram that is no SMP message"))
