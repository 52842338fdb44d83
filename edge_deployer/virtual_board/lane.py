"""One direction of a UART: bytes go in at once and come out at the line rate."""

from __future__ import annotations

from collections import deque

_BITS_PER_BYTE = 10
# Bytes come out in portions of so much time at most: fewer wake-ups than one a byte.
_PORTION_S = 0.016


class Lane:
    """A queue of so many bits per second, 10 a byte (8N1), or 0 for no limit. Times are seconds of any steady clock."""

    def __init__(self, line_rate: int) -> None:
        self._seconds_per_byte = _BITS_PER_BYTE / line_rate if line_rate else 0.0
        self._portion = max(1, int(_PORTION_S / self._seconds_per_byte)) if line_rate else 0
        self._pushed: deque[bytes] = deque()
        self._length = 0
        self._sent_until = 0.0

    def __len__(self) -> int:
        return self._length

    def push(self, data: bytes, now: float) -> None:
        """Bytes start their way."""
        if not data:
            return
        if not self._length:
            self._sent_until = max(self._sent_until, now)
        self._pushed.append(data)
        self._length += len(data)

    def take(self, now: float) -> bytes:
        """The bytes that have arrived by `now`."""
        count = self._length
        if self._seconds_per_byte:
            # A hair more than the clock says: a wait that ends exactly on time must not fall one byte short.
            count = min(count, int((now - self._sent_until) / self._seconds_per_byte + 1e-6))
            self._sent_until += count * self._seconds_per_byte
        self._length -= count
        return self._pop(count)

    def wait(self, now: float) -> float | None:
        """Seconds until the next portion arrives; None while nothing is on its way.

        A portion ends where what was pushed at once ends: mostly a message, which then is not late.
        """
        if not self._length:
            return None
        portion = min(len(self._pushed[0]), self._portion)
        return max(0.0, self._sent_until + portion * self._seconds_per_byte - now)

    def clear(self) -> None:
        """What is on its way gets lost."""
        self._pushed.clear()
        self._length = 0

    def _pop(self, count: int) -> bytes:
        taken = []
        while count:
            head = self._pushed[0]
            if len(head) > count:
                taken.append(head[:count])
                self._pushed[0] = head[count:]
                break
            taken.append(self._pushed.popleft())
            count -= len(head)
        return b"".join(taken)
