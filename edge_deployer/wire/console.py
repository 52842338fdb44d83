"""SMP over console: messages as lines of base64 with a length and a CRC-16.

A frame is ``length (2 bytes) + message + CRC-16/XMODEM (2 bytes)``, big endian, in base64, cut into lines of at most
127 bytes. The first line starts with 06 09, the others with 04 14, each ends with a line feed.
Source: Zephyr's "SMP Transport Specification", serial transport.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator

FRAME_OVERHEAD = 4
"""Bytes of length and CRC, which share the receiver's buffer with the message."""

_FIRST = b"\x06\x09"
_NEXT = b"\x04\x14"
_BASE64_PER_LINE = 124
_UINT16 = struct.Struct("!H")
# A line feed that got lost must not make the receiver collect for ever.
_LONGEST_LINE = 512


def encode(message: bytes) -> bytes:
    """An SMP message as it goes over the line."""
    crc = binascii.crc_hqx(message, 0)
    frame = _UINT16.pack(len(message) + _UINT16.size) + message + _UINT16.pack(crc)
    text = binascii.b2a_base64(frame, newline=False)
    lines = [text[start : start + _BASE64_PER_LINE] for start in range(0, len(text), _BASE64_PER_LINE)]
    return b"".join((_NEXT if index else _FIRST) + line + b"\n" for index, line in enumerate(lines))


def encoded_length(message_length: int) -> int:
    """Bytes on the line for a message of that many bytes."""
    text = 4 * -(-(message_length + FRAME_OVERHEAD) // 3)
    return text + 3 * -(-text // _BASE64_PER_LINE)


class Decoder:
    """Finds the messages in a stream of bytes that may hold other text and damage.

    Frames are `garbled`, and thrown away, whose base64, order, length or CRC is wrong, and, as by Zephyr, those that do
    not fit the receiver's buffer.
    """

    def __init__(self, buffer_bytes: int = 65536) -> None:
        self.garbled = 0
        self._buffer_bytes = buffer_bytes
        self._line = bytearray()
        self._frame: bytearray | None = None
        self._lost = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come; yields each message that is complete."""
        *complete, rest = (bytes(self._line) + data).split(b"\n")
        self._line = bytearray(rest[-_LONGEST_LINE:])
        for line in complete:
            message = self._take_line(line)
            if message is not None:
                yield message

    def reset(self) -> None:
        """Forget what is incomplete."""
        self._line.clear()
        self._frame, self._lost = None, False

    def _take_line(self, line: bytes) -> bytes | None:
        # Console text that lacks its line feed may stand before the marker.
        first, following = line.rfind(_FIRST), line.rfind(_NEXT)
        if first >= 0:
            self._discard()
            self._frame, self._lost = bytearray(), False
            return self._append(line[first + len(_FIRST) :])
        if following >= 0 and self._frame is not None:
            return self._append(line[following + len(_NEXT) :])
        # The rest of a frame that is lost already is not another one.
        if following >= 0 and not self._lost:
            self.garbled += 1
            self._lost = True
        self._discard()
        return None

    def _append(self, text: bytes) -> bytes | None:
        assert self._frame is not None
        try:
            self._frame += base64.b64decode(text.rstrip(b"\r"), validate=True)
            end = _UINT16.size + _UINT16.unpack_from(self._frame)[0]
        except (binascii.Error, struct.error):
            self._discard()
            return None
        if end > self._buffer_bytes:
            self._discard()
            return None
        return self._finish(end) if len(self._frame) >= end else None

    def _finish(self, end: int) -> bytes | None:
        assert self._frame is not None
        frame, self._frame = bytes(self._frame), None
        # The CRC of a message followed by its own CRC is 0.
        if len(frame) != end or end < FRAME_OVERHEAD or binascii.crc_hqx(frame[_UINT16.size :], 0) != 0:
            self.garbled += 1
            self._lost = True
            return None
        return frame[_UINT16.size : -_UINT16.size]

    def _discard(self) -> None:
        """Drop a frame that can no longer be completed."""
        if self._frame is not None:
            self.garbled += 1
            self._frame, self._lost = None, True
