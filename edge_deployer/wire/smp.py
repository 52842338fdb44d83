"""SMP's header: the eight bytes before a message's CBOR map.

smp's own `Header` takes no command that it does not know. A server has to answer those too, and a receiver has to look
at what may be no header at all.
Source: Zephyr's "SMP Protocol Specification", "Frame".
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from smp.header import Header as _SmpHeader

HEADER_BYTES = _SmpHeader.SIZE
NEWEST_VERSION = 1

_HEADER = struct.Struct("!BBHHBB")


class Header(NamedTuple):
    """The fields of a header."""

    op: int  # `smp.header.OP`: read, write, and their answers.
    version: int  # 0 is the SMP whose errors have no group.
    group: int
    sequence: int  # An answer has its request's.
    command: int
    length: int = 0  # Bytes after the header.
    flags: int = 0  # None are defined.
    reserved: int = 0  # Bits that are 0.

    @classmethod
    def of(cls, message: bytes | bytearray) -> Header | None:
        """What a message begins with; None where it is shorter than a header."""
        if len(message) < HEADER_BYTES:
            return None
        first, flags, length, group, sequence, command = _HEADER.unpack_from(message)
        return cls(first & 0b111, first >> 3 & 0b11, group, sequence, command, length, flags, first >> 5)

    def pack(self) -> bytes:
        """The header's bytes."""
        first = self.reserved << 5 | self.version << 3 | self.op
        return _HEADER.pack(first, self.flags, self.length, self.group, self.sequence, self.command)

    def before(self, body: bytes) -> bytes:
        """The message of this header and a body, whose length it gets."""
        return self._replace(length=len(body)).pack() + body


def whole_message(message: bytes) -> Header | None:
    """The header of exactly one message; None for anything else."""
    header = Header.of(message)
    return header if header is not None and len(message) == HEADER_BYTES + header.length else None


def with_sequence(message: bytes, sequence: int) -> bytes:
    """The same message with another sequence number."""
    header = Header.of(message)
    assert header is not None
    return header._replace(sequence=sequence).pack() + message[HEADER_BYTES:]
