"""MCUboot's image trailer: what the end of a slot says about swaps.

Source: MCUboot's design document, "Image trailer" and "Image swap types"; `bootutil_public.c`. One difference: power
may go inside a write, which MCUboot's tables do not know of. A flag that is neither erased nor whole was about to be
set, so it counts as set.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from edge_deployer.virtual_board.flash import ERASED, Area
from edge_deployer.wire.mcuboot import (
    STATUS_ENTRIES_PER_PAGE,
    TRAILER_MAGIC,
    WRITE_BLOCK_BYTES,
    TrailerField,
    trailer_pages,
)

_FLAG_SET = 1
_SWAP_TYPE_MASK = 0x0F
_SWAP_SIZE_BYTES = 4

SMALLEST_PAGE_BYTES = 64
"""All fields but the swap status must lie in the slot's last page: then an erase takes them away in their order."""


class Magic(Enum):
    """What stands where a trailer's magic belongs."""

    GOOD = "good"
    UNSET = "unset"
    BAD = "bad"


class SwapType(IntEnum):
    """MCUboot's swap types, with the numbers that swap info has."""

    NONE = 1
    TEST = 2
    PERM = 3
    REVERT = 4
    FAIL = 5


@dataclass(frozen=True)
class TrailerState:
    """A trailer's fields.

    Attributes:
        magic: whether there is a trailer.
        image_ok: the image is confirmed, or is to be swapped in for good.
        copy_done: the swap that brought the image here is complete.
        swap_type: the swap under way, or asked for.
        swap_size: bytes of the larger image of that swap.
    """

    magic: Magic
    image_ok: bool
    copy_done: bool
    swap_type: SwapType
    swap_size: int

    @property
    def on_trial(self) -> bool:
        """In the primary slot: the image was swapped in and nobody confirmed it."""
        return self.magic is Magic.GOOD and self.copy_done and not self.image_ok


class Trailer:
    """The trailer of a whole slot. A field is written once, until the trailer is erased."""

    def __init__(self, slot: Area) -> None:
        self._slot = slot
        self._pages = range(slot.pages - trailer_pages(slot.pages, slot.page_bytes), slot.pages)
        self._status_count = slot.pages * STATUS_ENTRIES_PER_PAGE
        self._status_start = slot.size - TrailerField.SWAP_SIZE - self._status_count * WRITE_BLOCK_BYTES

    @property
    def state(self) -> TrailerState:
        """The fields; whatever the bytes are, they mean something."""
        return TrailerState(
            magic=self._magic(),
            image_ok=self._is_set(TrailerField.IMAGE_OK),
            copy_done=self._is_set(TrailerField.COPY_DONE),
            swap_type=self._swap_type(),
            swap_size=int.from_bytes(self._field(TrailerField.SWAP_SIZE)[:_SWAP_SIZE_BYTES], "little"),
        )

    @property
    def steps_done(self) -> int:
        """How many steps of a swap the status records: the last entry that is not erased tells."""
        status = self._slot.read(self._status_start, self._status_count * WRITE_BLOCK_BYTES)
        return -(-len(status.rstrip(bytes([ERASED]))) // WRITE_BLOCK_BYTES)

    def erase(self) -> None:
        """Erase the trailer, its last page first, as MCUboot does: without the magic nothing of the rest counts."""
        self._slot.erase_used(reversed(self._pages))

    def write_magic(self) -> None:
        """Make it a trailer."""
        self._slot.write(self._slot.size - len(TRAILER_MAGIC), TRAILER_MAGIC)

    def set_image_ok(self) -> None:
        """Set image_ok, if it is not set."""
        self._set(TrailerField.IMAGE_OK, _FLAG_SET)

    def set_copy_done(self) -> None:
        """Set copy_done, if it is not set."""
        self._set(TrailerField.COPY_DONE, _FLAG_SET)

    def write_swap_info(self, swap_type: SwapType) -> None:
        """Record the type of swap, if none is recorded."""
        self._set(TrailerField.SWAP_INFO, swap_type)

    def write_swap_size(self, size: int) -> None:
        """Record the bytes of the larger image."""
        self._write(TrailerField.SWAP_SIZE, size.to_bytes(_SWAP_SIZE_BYTES, "little"))

    def record_step(self, step: int) -> None:
        """Record that a step of the swap is done, counted from 0."""
        start = self._status_start + step * WRITE_BLOCK_BYTES
        self._slot.write(start, _padded(bytes([_FLAG_SET])))

    def _magic(self) -> Magic:
        magic = self._slot.read(self._slot.size - len(TRAILER_MAGIC), len(TRAILER_MAGIC))
        if magic == TRAILER_MAGIC:
            return Magic.GOOD
        return Magic.UNSET if magic == bytes([ERASED]) * len(TRAILER_MAGIC) else Magic.BAD

    def _swap_type(self) -> SwapType:
        number = self._field(TrailerField.SWAP_INFO)[0] & _SWAP_TYPE_MASK
        return SwapType(number) if SwapType.NONE < number < SwapType.FAIL else SwapType.NONE

    def _field(self, offset: int) -> bytes:
        return self._slot.read(self._slot.size - offset, WRITE_BLOCK_BYTES)

    def _is_set(self, offset: int) -> bool:
        return not self._slot.is_erased(self._slot.size - offset, WRITE_BLOCK_BYTES)

    def _set(self, offset: int, value: int) -> None:
        if not self._is_set(offset):
            self._write(offset, bytes([value]))

    def _write(self, offset: int, value: bytes) -> None:
        self._slot.write(self._slot.size - offset, _padded(value))


def _padded(value: bytes) -> bytes:
    return value.ljust(WRITE_BLOCK_BYTES, bytes([ERASED]))


def swap_type(primary: TrailerState, secondary: TrailerState) -> SwapType:
    """What the trailers ask for: MCUboot's table of swap types.

    In MCUboot's table a revert needs an unset magic in the secondary slot. Here any but a good one will do: the
    secondary trailer is written when a revert begins, and a power cut inside that write must not call the revert off.
    For the same reason a revert that has begun is known by the secondary trailer's swap info.
    """
    if secondary.magic is Magic.GOOD:
        if not secondary.image_ok:
            return SwapType.TEST
        return SwapType.REVERT if secondary.swap_type is SwapType.REVERT else SwapType.PERM
    return SwapType.REVERT if primary.on_trial else SwapType.NONE
