"""Writing an image into the spare (secondary) slot as it arrives, one upload at a time."""

from __future__ import annotations

import hashlib

from edge_deployer.virtual_board.flash import ERASED, Area
from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.trailer import SwapType
from edge_deployer.wire.mcuboot import WRITE_BLOCK_BYTES


class SlotWriter:
    """Writes to a slot from its start, and erases each page when the first byte for it comes.

    So no request waits for more pages than its own data fill; erasing the slot at once would stop the line for seconds.
    Source: Zephyr's `CONFIG_IMG_ERASE_PROGRESSIVELY`. `written` is how many bytes it has taken.
    """

    def __init__(self, slot: Area) -> None:
        self._slot = slot
        self._programmed = 0
        self._waiting = b""
        self.written = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes. Those that do not fill a write block wait in RAM.

        Raises:
            FlashError: they go beyond the slot.
            PowerCut: power went.
        """
        self.written += len(data)
        data = self._waiting + data
        whole = len(data) - len(data) % WRITE_BLOCK_BYTES
        self._waiting = data[whole:]
        self._program(data[:whole])

    def finish(self) -> None:
        """Write what waits in RAM, filled up to a write block.

        Raises:
            PowerCut: power went.
        """
        if self._waiting:
            self._program(self._waiting.ljust(WRITE_BLOCK_BYTES, bytes([ERASED])))
            self._waiting = b""

    def _program(self, data: bytes) -> None:
        while data:
            page, used = divmod(self._programmed, self._slot.page_bytes)
            if not used:
                self._slot.erase_used([page])
            part = data[: self._slot.page_bytes - used]
            self._slot.write(self._programmed, part)
            self._programmed += len(part)
            data = data[len(part) :]


class SpareSlot:
    """The secondary slot as what uploads go to. A new upload ends the one under way.

    Which upload that is lives in RAM, as in Zephyr: after a reset an upload starts over. `capacity` is the bytes of the
    largest image.
    """

    def __init__(self, flash: Flash) -> None:
        self._flash = flash
        self._writer: SlotWriter | None = None
        self.capacity = flash.largest_image

    @property
    def in_use(self) -> bool:
        """Whether the slot's image is to boot next, or is what a trial reverts to."""
        return self._flash.swap_type is not SwapType.NONE

    def start(self) -> SlotWriter:
        """Begin an upload: a writer for the slot."""
        self._writer = SlotWriter(self._flash.slots[Slot.SECONDARY])
        return self._writer

    def holds(self, writer: SlotWriter) -> bool:
        """Whether the slot's content is still that of an upload: no other has begun, nobody has erased it."""
        return writer is self._writer

    def sha256(self, length: int) -> bytes:
        """SHA-256 of the slot's first bytes."""
        return hashlib.sha256(self._flash.slots[Slot.SECONDARY].read(0, length)).digest()

    def erase(self) -> None:
        """Erase the slot, and forget the upload under way."""
        self._writer = None
        self._flash.erase(Slot.SECONDARY)
