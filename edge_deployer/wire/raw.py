"""SMP over a raw UART: messages back to back, found by the length in their header.

Nothing protects a message, so this is for clean lines. A receiver gets back in step because it drops what cannot be a
header, and because its owner calls `Decoder.reset` after a silence.
Source: Zephyr's raw UART transport (`CONFIG_MCUMGR_TRANSPORT_RAW_UART`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

FRAME_OVERHEAD = 0
"""Bytes besides the message that the receiver's buffer must hold."""

SILENCE_S = 0.1
"""Seconds without a byte after which a receiver forgets an incomplete message."""

_HEADER = struct.Struct("!BBHHBB")
_NEWEST_VERSION = 1
_LARGEST_OP = 3


def encode(message: bytes) -> bytes:
    """An SMP message as it goes over the line."""
    return message


def encoded_length(message_length: int) -> int:
    """Bytes on the line for a message of that many bytes."""
    return message_length


class Decoder:
    """Finds the messages in a stream of bytes that may hold damage.

    Attributes:
        garbled: times that something came which cannot be a message.

    Args:
        buffer_bytes: size of the receiver's buffer; what claims to be longer cannot be a message.
    """

    def __init__(self, buffer_bytes: int = 65536) -> None:
        self.garbled = 0
        self._buffer_bytes = buffer_bytes
        self._received = bytearray()
        self._in_step = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come; yields each message that is complete."""
        self._received += data
        while len(self._received) >= _HEADER.size:
            length = self._message_length()
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

    def _message_length(self) -> int | None:
        """Length of the message that starts here; None where none can start."""
        op_and_version, flags, length, *_ = _HEADER.unpack_from(self._received)
        version, op = op_and_version >> 3, op_and_version & 0b111
        if op > _LARGEST_OP or version > _NEWEST_VERSION or flags:
            return None
        total = _HEADER.size + int(length)
        return total if total <= self._buffer_bytes else None
