"""The far end of a pty that takes uploads as a board does, and loses, repeats or delays messages by a script."""

from __future__ import annotations

import asyncio
import os
import pty
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

import cbor2

from edge_deployer.wire.framing import FRAMINGS, FramingName

_CHUNK = 1 << 16


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
    """Answers MCUmgr parameters and uploads.

    Attributes:
        received: what has been uploaded.
        url: the pty.
        longest: bytes of the longest message that came.

    Args:
        fates: what happens to the first upload chunks that come; all others fare well.
        buffer_bytes: the SMP buffer it announces.
    """

    def __init__(self, fates: Sequence[Fate], master: int, url: str, buffer_bytes: int, framing: FramingName) -> None:
        self.received = bytearray()
        self.url = url
        self.longest = 0
        self._fates = iter(fates)
        self._master = master
        self._buffer_bytes = buffer_bytes
        self._framing = FRAMINGS[framing]
        self._decoder = self._framing.decoder(buffer_bytes)
        self._late: list[bytes] = []
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        for message in self._decoder.feed(os.read(self._master, _CHUNK)):
            self.longest = max(self.longest, len(message))
            fields = cbor2.loads(message[8:])
            if "data" in fields:
                self._take(message, fields, next(self._fates, Fate.FINE))
            else:
                self._answer(message, {"buf_size": self._buffer_bytes, "buf_count": 4})

    def _take(self, message: bytes, fields: dict[str, bytes], fate: Fate) -> None:
        if fate is Fate.REQUEST_LOST:
            return
        if fate is Fate.RESET:
            self.received.clear()
            return
        if fields["off"] == len(self.received):
            self.received += fields["data"]
        self._answer(message, {"off": len(self.received)}, fate)

    def _answer(self, message: bytes, fields: dict[str, int], fate: Fate = Fate.FINE) -> None:
        body = cbor2.dumps(fields)
        header = bytes([message[0] | 1]) + message[1:2] + len(body).to_bytes(2, "big") + message[4:8]
        answer = self._framing.encode(header + body)
        if fate is Fate.ANSWER_LATE:
            self._late.append(answer)
        elif fate is Fate.ANSWER_GARBLED:
            os.write(self._master, answer[:-6] + b"!" + answer[-5:])
        elif fate is not Fate.ANSWER_LOST:
            os.write(self._master, answer * (2 if fate is Fate.ANSWER_TWICE else 1))
            while self._late:
                os.write(self._master, self._late.pop())


@contextmanager
def scripted_board(
    fates: Sequence[Fate] = (), *, buffer_bytes: int = 512, framing: FramingName = "console"
) -> Iterator[ScriptedBoard]:
    """A board for the test's event loop."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    try:
        yield ScriptedBoard(fates, master, os.ttyname(slave), buffer_bytes, framing)
    finally:
        asyncio.get_running_loop().remove_reader(master)
        os.close(slave)
        os.close(master)
