"""NOR flash in a file: pages are erased to 0xFF, write blocks written once, and power may go in the middle of it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from edge_deployer.errors import TinyopsError
from edge_deployer.files import writing
from edge_deployer.wire.mcuboot import WRITE_BLOCK_BYTES

ERASED = 0xFF
"""What an erased byte reads as."""

_BITS_PER_BYTE = 8
_INVERTED = bytes(range(255, -1, -1))


Operation = Literal["erase", "write"]
Supply = Callable[[Operation, int], float]
"""Asked before each erase of a page and each write within one, with the bytes it is about, for the share of it that
power lasts for, 0.0 to 1.0 (whole).

It may take its time: a real flash does."""


class FlashError(Exception):
    """The firmware uses the flash in a way that no flash allows: a bug of the firmware."""


class PowerCut(Exception):
    """Power went during an operation of the flash, which is done in part."""


class Area:
    """Some pages of a flash, with offsets and page numbers of their own."""

    def __init__(self, inverted: mmap.mmap, start: int, pages: int, page_bytes: int, supply: Supply) -> None:
        self.pages, self.page_bytes, self.size = pages, page_bytes, pages * page_bytes
        self._inverted, self._start, self._supply = inverted, start, supply

    def area(self, first_page: int, pages: int) -> Area:
        """Some of its pages as an area."""
        return Area(self._inverted, self._start + first_page * self.page_bytes, pages, self.page_bytes, self._supply)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset.

        Raises:
            FlashError: they are not all in the area.
        """
        return self._inverted[self._place(offset, length)].translate(_INVERTED)

    def is_erased(self, offset: int, length: int) -> bool:
        """Whether bytes are all 0xFF.

        Raises:
            FlashError: they are not all in the area.
        """
        return self._inverted[self._place(offset, length)].count(0) == length

    def erase(self, page: int) -> None:
        """Erase a page.

        Raises:
            FlashError: there is no such page.
            PowerCut: a first part of the page is erased, the rest is as it was.
        """
        place = self._place(page * self.page_bytes, self.page_bytes)
        share = self._supply("erase", self.page_bytes)
        done = int(share * self.page_bytes)
        self._inverted[place.start : place.start + done] = bytes(done)
        if share < 1:
            raise PowerCut

    def erase_used(self, pages: Iterable[int]) -> None:
        """Erase those of the pages that are not erased: what is erased already costs neither time nor wear."""
        for page in pages:
            if not self.is_erased(page * self.page_bytes, self.page_bytes):
                self.erase(page)

    def write(self, offset: int, data: bytes) -> None:
        """Write whole blocks to where the flash is erased, an operation for each page.

        Raises:
            FlashError: not whole blocks, a block is not erased, or beyond the end.
            PowerCut: a first part of the bytes is written, and the byte at the cut has some of its bits.
        """
        if offset % WRITE_BLOCK_BYTES or len(data) % WRITE_BLOCK_BYTES:
            raise FlashError(f"{len(data)} bytes at {offset} are not whole blocks of {WRITE_BLOCK_BYTES}")
        self._place(offset, len(data))
        while data:
            room = self.page_bytes - offset % self.page_bytes
            self._write_in_page(offset, data[:room])
            offset, data = offset + room, data[room:]

    def _write_in_page(self, offset: int, data: bytes) -> None:
        if not self.is_erased(offset, len(data)):
            raise FlashError(f"a write of {len(data)} bytes at {offset} to flash that is not erased")
        share = self._supply("write", len(data))
        written = data if share >= 1 else _cut_short(data, share)
        self._inverted[self._place(offset, len(written))] = written.translate(_INVERTED)
        if share < 1:
            raise PowerCut

    def _place(self, offset: int, length: int) -> slice:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(f"{length} bytes at {offset} are not in an area of {self.size}")
        return slice(self._start + offset, self._start + offset + length)


def _cut_short(data: bytes, share: float) -> bytes:
    """What a share of a write leaves: whole bytes, then one with only its low bits programmed."""
    all_bits = len(data) * _BITS_PER_BYTE
    whole, bits = divmod(min(int(share * all_bits), all_bits - 1), _BITS_PER_BYTE)
    return data[:whole] + bytes([data[whole] | (ERASED << bits & ERASED)])


class NorFlash(Area):
    """The flash of one board, in pages of a multiple of `WRITE_BLOCK_BYTES`; its content survives in a file.

    Raises:
        TinyopsError: the file is of another size, or cannot be written.
    """

    def __init__(self, path: Path, pages: int, page_bytes: int, supply: Supply) -> None:
        # Bytes are kept inverted: a file that was only given its length reads as zeroes, so that erased flash costs
        # nothing to make.
        with writing(f"flash file {path}", remedy="make the board's folder writable"), path.open("ab+") as file:
            size = file.seek(0, 2)
            if size not in (0, pages * page_bytes):
                raise TinyopsError(
                    f"{path} is a flash of {size} bytes, the board's profile has {pages * page_bytes}",
                    remedy="give each profile a board folder of its own, or remove the file to start with empty flash",
                )
            # Room on the disk is taken now: where there is none, the memory below would kill who writes to it.
            os.posix_fallocate(file.fileno(), 0, pages * page_bytes)
            super().__init__(mmap.mmap(file.fileno(), pages * page_bytes), 0, pages, page_bytes, supply)

    def close(self) -> None:
        """Let go of the file."""
        self._inverted.close()
