"""A transport without a line: what a function makes of each message comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

Answers = Iterable[bytes | Exception]


class MemoryTransport:
    """`BoardTransport` for tests.

    Attributes:
        sent: the messages that were sent.
    """

    url, bytes_heard = "memory", 0

    def __init__(self, board: Callable[[bytes], Answers] = lambda _: (), *, seconds_per_byte: float = 0.0) -> None:
        self.sent: list[bytes] = []
        self.seconds_per_byte = seconds_per_byte
        self._board = board
        self._answers: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    async def connect(self) -> None: ...

    async def disconnect(self) -> None: ...

    async def send(self, message: bytes) -> None:
        self.sent.append(message)
        self.hear(self._board(message))

    async def receive(self) -> bytes:
        answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        self.bytes_heard += len(answer)
        return answer

    def line_bytes(self, message_bytes: int) -> int:
        return message_bytes

    def longest_message(self, buffer_bytes: int) -> int:
        return buffer_bytes

    def hear(self, answers: Answers) -> None:
        for answer in answers:
            self._answers.put_nowait(answer)
