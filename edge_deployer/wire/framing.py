"""The two ways in which SMP messages go over a serial line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from edge_deployer.wire import console, raw

FramingName = Literal["console", "raw"]


class Decoder(Protocol):
    """Finds the messages in a stream of bytes; `garbled` is how often something damaged came."""

    garbled: int

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come; yields each message that is complete."""

    def reset(self) -> None:
        """Forget what is incomplete."""


@dataclass(frozen=True)
class Framing:
    """One way to put messages on a line.

    Attributes:
        overhead: bytes besides the message that the receiver's buffer must hold.
        encode: a message as it goes over the line.
        encoded_length: bytes on the line for a message of so many bytes.
        decoder: makes a decoder for a receiver with a buffer of so many bytes.
        silence_s: seconds without a byte after which a receiver forgets an incomplete message; None where the next
            message's start is recognised anyway.
    """

    overhead: int
    encode: Callable[[bytes], bytes]
    encoded_length: Callable[[int], int]
    decoder: Callable[[int], Decoder]
    silence_s: float | None


FRAMINGS: dict[FramingName, Framing] = {
    "console": Framing(console.FRAME_OVERHEAD, console.encode, console.encoded_length, console.Decoder, None),
    "raw": Framing(raw.FRAME_OVERHEAD, raw.encode, raw.encoded_length, raw.Decoder, raw.SILENCE_S),
}
