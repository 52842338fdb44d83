"""SMP over a raw UART: messages back to back, found by the length in their header.

Nothing protects a message, so this is for clean lines. A receiver gets back in step because it drops what cannot be a
header, and because its owner calls `Decoder.reset` after a silence.
Source: Zephyr's raw UART transport (`CONFIG_MCUMGR_TRANSPORT_RAW_UART`).
"""

from __future__ import annotations

from collections.abc import Iterator

from smp.header import OP

from edge_deployer.wire.smp import HEADER_BYTES, NEWEST_VERSION, Header

FRAME_OVERHEAD = 0
"""Bytes besides the message that the receiver's buffer must hold."""

SILENCE_S = 0.1
"""Seconds without a byte after which a receiver forgets an incomplete message."""


def encode(message: bytes) -> bytes:
    """An SMP message as it goes over the line."""
    return message


def encoded_length(message_length: int) -> int:
    """Bytes on the line for a message of that many bytes."""
    return message_length


class Decoder:
    """Finds the messages in a stream of bytes that may hold damage.

    What claims to be longer than the receiver's buffer cannot be a message; `garbled` is how often such things came.
    """

    def __init__(self, buffer_bytes: int = 65536) -> None:
        self.garbled = 0
        self._buffer_bytes = buffer_bytes
        self._received = bytearray()
        self._in_step = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come; yields each message that is complete."""
        self._received += data
        while (header := Header.of(self._received)) is not None:
            length = self._message_length(header)
            if length is None:
                self.garbled += self._in_step
                self._in_step = False
                del self._received[0]
            elif len(self._received) < length:
                return
            else:
                self._in_step = True
                message = bytes(self._received[:length])
                del self._received[:length]
                yield message

    def reset(self) -> None:
        """Forget what is incomplete."""
        self.garbled += bool(self._received) and self._in_step
        self._received.clear()
        self._in_step = True

    def _message_length(self, header: Header) -> int | None:
        """Length of the message that starts here; None where none can start."""
        if header.op > max(OP) or header.version > NEWEST_VERSION or header.flags or header.reserved:
            return None
        total = HEADER_BYTES + header.length
        return total if total <= self._buffer_bytes else None
