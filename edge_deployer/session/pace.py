"""What a line and its board have shown so far: how fast they answer, and how long a message may be to arrive."""

from __future__ import annotations

import math

_DECAY = 0.97
_SMALLEST_MESSAGE = 160
"""Bytes on the line. A first upload chunk with its length, its SHA-256 and the image header, without which a board
refuses it, takes up to 158 with console framing."""

# RFC 6298, (2.1) and (2.3).
_FIRST_TIMEOUT_S = 1.0
_GAIN, _DEVIATION_GAIN, _DEVIATIONS = 1 / 8, 1 / 4, 4
# TCP waits for a second at least (2.4), for the sake of a network that it shares. This line has no other user, and a
# request too many costs one message.
_SHORTEST_TIMEOUT_S = 0.15


class ReplyTime:
    """Estimates how long to wait for a reply, besides its time on the line.

    Smoothed mean plus four smoothed deviations, as TCP does (RFC 6298). Unlike TCP (its section 3, Karn's algorithm) it
    may learn from replies to what was repeated: each attempt has a sequence number of its own.
    """

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    def note(self, seconds: float) -> None:
        """A reply took so long, besides its time on the line."""
        seconds = max(0.0, seconds)
        if self._mean_s is None:
            # RFC 6298, (2.2).
            self._mean_s, self._deviation_s = seconds, seconds / 2
            return
        self._deviation_s += _DEVIATION_GAIN * (abs(seconds - self._mean_s) - self._deviation_s)
        self._mean_s += _GAIN * (seconds - self._mean_s)

    @property
    def timeout_s(self) -> float:
        """Seconds after which a reply is unlikely to come."""
        if self._mean_s is None:
            return _FIRST_TIMEOUT_S
        return max(_SHORTEST_TIMEOUT_S, self._mean_s + _DEVIATIONS * self._deviation_s)


class MessageSize:
    """Estimates the message length at which a line carries most.

    A byte is damaged with probability p, so a message of L bytes arrives with probability exp(-p L), and (L - h) of its
    bytes are data, h being its overhead. With several messages in flight a lost one costs the next one, too. The rate
    (L - h) exp(-2 p L) / L is greatest at L = (h + sqrt(h^2 + 2 h / p)) / 2.
    """

    def __init__(self, overhead: int) -> None:
        self._overhead = overhead
        self._bytes = self._lost = 0.0

    def note(self, line_bytes: int, *, arrived: bool) -> None:
        """A message of so many bytes on the line was answered, or lost."""
        self._bytes = self._bytes * _DECAY + line_bytes
        self._lost = self._lost * _DECAY + (not arrived)

    @property
    def line_bytes(self) -> float:
        """The best length on the line; infinite as long as nothing gets lost."""
        rate = self._lost / self._bytes if self._bytes else 0.0
        if rate * self._bytes < 1e-3:
            return math.inf
        return max(_SMALLEST_MESSAGE, (self._overhead + math.sqrt(self._overhead**2 + 2 * self._overhead / rate)) / 2)

    @property
    def is_lossy(self) -> bool:
        """Whether losses are frequent enough that many messages in flight do not pay."""
        return self._lost > 1.0
