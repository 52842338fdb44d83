"""A board on the network: a UDP port on the loopback in the place of the pty, an SMP message in each datagram.

What arrives goes on to the firmware's UART as frames with a checksum, which the firmware takes apart as on any line: a
frame that line faults damage is a datagram that is lost.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from edge_deployer.errors import TinyopsError
from edge_deployer.virtual_board.loop import EventLoop
from edge_deployer.wire import console
from edge_deployer.wire.framing import Framing
from edge_deployer.wire.smp import Header, whole_message

_LOOPBACK = "127.0.0.1"
# CONFIG_MCUMGR_TRANSPORT_UDP_MTU of Zephyr: a longer datagram is cut off, and then no message.
_LARGEST_DATAGRAM = 1500

DATAGRAMS = Framing(
    overhead=0,
    encode=console.encode,
    encoded_length=console.encoded_length,
    decoder=lambda buffer_bytes: console.Decoder(buffer_bytes + console.FRAME_OVERHEAD),
    silence_s=None,
)
"""Console frames whose checksum does not count: on the network the whole buffer is the message's."""


class UdpPort:
    """A UDP port that may go and come back, see `PtyPort`; the number 0 is for any that is free.

    Raises:
        TinyopsError: somebody has the port.
    """

    def __init__(self, loop: EventLoop, number: int, take: Callable[[bytes], None]) -> None:
        self._loop, self._number, self._take = loop, number, take
        self._socket: socket.socket | None = None
        self._decoder = DATAGRAMS.decoder(_LARGEST_DATAGRAM)
        self._senders: dict[int, tuple[str, int]] = {}
        self._reads = False
        self.appear()
        self.address = f"udp://{_LOOPBACK}:{self._number}"

    @property
    def exists(self) -> bool:
        """Whether the board is on the network."""
        return self._socket is not None

    def appear(self) -> None:
        """Listen, from the second time on at the port of the first."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            listening.bind((_LOOPBACK, self._number))
        except OSError as error:
            listening.close()
            raise TinyopsError(
                f"UDP port {self._number} cannot be had: {error.strerror}", remedy="give another one, or 0 for any"
            ) from error
        self._socket, self._number = listening, listening.getsockname()[1]
        self.listen(wanted=True)

    def vanish(self) -> None:
        """Listen no more: the host refuses what is sent there."""
        self.listen(wanted=False)
        assert self._socket is not None
        self._socket.close()
        self._socket = None
        self._senders.clear()
        self._decoder.reset()

    def listen(self, *, wanted: bool) -> None:
        """Take datagrams or leave them; those that find the socket's buffer full are lost."""
        if self._socket is not None and wanted != self._reads:
            self._reads = wanted
            self._loop.on_readable(self._socket.fileno(), self._read if wanted else None)

    def write(self, data: bytes) -> None:
        """Bytes of frames arrive; a message that is whole goes to who sent its request."""
        for message in self._decoder.feed(data):
            header = Header.of(message)
            sender = self._senders.get(header.sequence) if header else None
            if self._socket is not None and sender is not None:
                # What finds no room, or nobody, is lost.
                with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
                    self._socket.sendto(message, sender)

    def _read(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            message, sender = self._socket.recvfrom(_LARGEST_DATAGRAM)
            header = whole_message(message)
            if header is not None:
                self._senders[header.sequence] = sender
                self._take(DATAGRAMS.encode(message))
