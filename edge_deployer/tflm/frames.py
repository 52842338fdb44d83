"""The message that a parent and its TFLM child exchange over pipes: a JSON header and raw bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

Header = dict[str, Any]
_LENGTHS = struct.Struct("!IQ")


def pack(header: Header, payload: bytes = b"") -> bytes:
    """One message: the lengths of header and payload, then both."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


def unpack(read_exactly: Callable[[int], bytes]) -> tuple[Header, bytes]:
    """Read one message by way of what gives that many bytes or raises EOFError."""
    header_length, payload_length = _LENGTHS.unpack(read_exactly(_LENGTHS.size))
    header: Header = json.loads(read_exactly(header_length))
    return header, read_exactly(payload_length)
