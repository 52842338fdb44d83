"""Writing an image into the spare (secondary) slot as it arrives, one upload at a time."""

from __future__ import annotations

import hashlib

from edge_deployer.virtual_board.flash import ERASED, Area
from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.trailer import SwapType
from edge_deployer.wire.inference import crc32
from edge_deployer.wire.mcuboot import WRITE_BLOCK_BYTES


class SlotWriter:
    """Writes to a slot from the start of a page, and erases each page when the first byte for it comes.

    So no request waits for more pages than its own data fill; erasing the slot at once would stop the line for seconds.
    Source: Zephyr's `CONFIG_IMG_ERASE_PROGRESSIVELY`. `written` is the offset after the bytes it has taken.
    """

    def __init__(self, slot: Area, start: int = 0) -> None:
        self._slot = slot
        self._programmed = start
        self._waiting = b""
        self.written = start

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

    Which upload that is lives in RAM, as in Zephyr, and a reset forgets it; what it has written stays. An upload that
    began before the newest claim of the board is over. `capacity` is the bytes of the largest image.
    """

    def __init__(self, flash: Flash) -> None:
        self._flash, self._slot = flash, flash.slots[Slot.SECONDARY]
        self._writer: SlotWriter | None = None
        self._epoch = 0
        self.capacity, self.page_bytes = flash.largest_image, self._slot.page_bytes

    @property
    def epoch(self) -> int:
        """The newest epoch that claimed the board."""
        return self._flash.epoch.value

    @property
    def in_use(self) -> bool:
        """Whether the slot's image is to boot next, or is what a trial reverts to."""
        return self._flash.swap_type is not SwapType.NONE

    def start(self, offset: int = 0) -> SlotWriter:
        """Begin an upload: a writer for the slot from the page at an offset."""
        self._writer, self._epoch = SlotWriter(self._slot, offset), self.epoch
        return self._writer

    def holds(self, writer: SlotWriter) -> bool:
        """Whether the slot's content is still that of an upload.

        No other has begun, nobody has erased it, and no newer holder has claimed the board.
        """
        return writer is self._writer and self._epoch == self.epoch

    def page_checksums(self, offset: int, most: int) -> list[int]:
        """CRC-32 of pages from an offset, as far as an image may reach."""
        pages = range(offset, self.capacity, self.page_bytes)[:most]
        return [crc32(self._slot.read(page, self.page_bytes)) for page in pages]

    def sha256(self, length: int) -> bytes:
        """SHA-256 of the slot's first bytes."""
        return hashlib.sha256(self._slot.read(0, length)).digest()

    def erase(self) -> None:
        """Erase the slot, and forget the upload under way."""
        self._writer = None
        self._flash.erase(Slot.SECONDARY)
