"""A board in memory that takes uploads, and loses, repeats or delays messages by a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

import cbor2

from edge_deployer.transport.board_transport import GarbledReply
from edge_deployer.wire.smp import HEADER_BYTES, Header


class Fate(Enum):
    """What happens to a request and its answer."""

    FINE = "fine"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    ANSWER_GARBLED = "answer garbled"
    ANSWER_TWICE = "answer twice"
    ANSWER_LATE = "answer late"
    RESET = "board reset"


class ScriptedBoard:
    """Answers MCUmgr parameters and uploads; for `MemoryTransport`.

    Attributes:
        received: what has been uploaded.
        longest: bytes of the longest message that came.

    Args:
        fates: what happens to the first upload chunks that come; all others fare well.
        buffer_bytes: the SMP buffer it announces.
    """

    def __init__(self, fates: Sequence[Fate] = (), *, buffer_bytes: int = 512) -> None:
        self.received = bytearray()
        self.longest = 0
        self._fates = iter(fates)
        self._buffer_bytes = buffer_bytes
        self._late: list[bytes] = []

    def __call__(self, message: bytes) -> Iterator[bytes | GarbledReply]:
        self.longest = max(self.longest, len(message))
        fields = cbor2.loads(message[HEADER_BYTES:])
        if "data" in fields:
            yield from self._take(message, fields, next(self._fates, Fate.FINE))
        else:
            yield _answer(message, {"buf_size": self._buffer_bytes, "buf_count": 4})

    def _take(self, message: bytes, fields: dict[str, bytes], fate: Fate) -> Iterator[bytes | GarbledReply]:
        if fate is Fate.REQUEST_LOST:
            return
        if fate is Fate.RESET:
            self.received.clear()
            return
        if fields["off"] == len(self.received):
            self.received += fields["data"]
        answer = _answer(message, {"off": len(self.received)})
        if fate is Fate.ANSWER_LATE:
            self._late.append(answer)
        elif fate is Fate.ANSWER_GARBLED:
            yield GarbledReply("by the script")
        elif fate is not Fate.ANSWER_LOST:
            yield from [answer] * (2 if fate is Fate.ANSWER_TWICE else 1)
            while self._late:
                yield self._late.pop()


def _answer(request: bytes, fields: dict[str, int]) -> bytes:
    header = Header.of(request)
    assert header is not None
    return header._replace(op=header.op + 1).before(cbor2.dumps(fields))
