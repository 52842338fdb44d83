"""One direction of a UART: bytes go in at once and come out at the line rate."""

from __future__ import annotations

_BITS_PER_BYTE = 10
# Bytes come out in portions of so much time: fewer wake-ups than one a byte.
_PORTION_S = 0.004


class Lane:
    """A queue with a speed. Times are seconds on any steady clock.

    Args:
        line_rate: bits per second, 10 a byte (8N1); 0 for no limit.
    """

    def __init__(self, line_rate: int) -> None:
        self._seconds_per_byte = _BITS_PER_BYTE / line_rate if line_rate else 0.0
        self._portion = max(1, int(_PORTION_S / self._seconds_per_byte)) if line_rate else 0
        self._queue = bytearray()
        self._sent_until = 0.0

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, data: bytes, now: float) -> None:
        """Bytes start their way."""
        if not self._queue:
            self._sent_until = max(self._sent_until, now)
        self._queue += data

    def take(self, now: float) -> bytes:
        """The bytes that have arrived by `now`."""
        count = len(self._queue)
        if self._seconds_per_byte:
            # A hair more than the clock says: a wait that ends exactly on time must not fall one byte short.
            count = min(count, int((now - self._sent_until) / self._seconds_per_byte + 1e-6))
            self._sent_until += count * self._seconds_per_byte
        arrived = bytes(self._queue[:count])
        del self._queue[:count]
        return arrived

    def wait(self, now: float) -> float | None:
        """Seconds until the next portion arrives; None while nothing is on its way."""
        if not self._queue:
            return None
        portion = min(len(self._queue), self._portion)
        return max(0.0, self._sent_until + portion * self._seconds_per_byte - now)
