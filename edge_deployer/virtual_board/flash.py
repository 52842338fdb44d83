"""NOR flash in a file: pages are erased to 0xFF, write blocks written once, and power may go in the middle of it."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_deployer.errors import TinyopsError
from edge_deployer.files import writing
from edge_deployer.wire.mcuboot import WRITE_BLOCK_BYTES

ERASED = 0xFF
"""What an erased byte reads as."""

_BITS_PER_BYTE = 8
_INVERTED = bytes(range(255, -1, -1))


@dataclass(frozen=True)
class Operation:
    """One operation of the flash.

    Attributes:
        kind: erase of a page, or write of bytes within a page.
        nbytes: bytes it is about; a page's for an erase.
    """

    kind: Literal["erase", "write"]
    nbytes: int


Supply = Callable[[Operation], float]
"""Asked before each operation for the share of it that power lasts for, 0.0 to 1.0 (whole).

It may take its time: a real flash does."""


class FlashError(Exception):
    """The firmware uses the flash in a way that no flash allows: a bug of the firmware."""


class PowerCut(Exception):
    """Power went during an operation of the flash, which is done in part."""


def steady_supply(_: Operation) -> float:
    """Power that lasts."""
    return 1.0


class NorFlash:
    """The flash of one board; its content survives in a file.

    Args:
        path: the file; made, as erased flash, if it does not exist.
        pages: number of pages.
        page_bytes: size of a page; a multiple of `WRITE_BLOCK_BYTES`.
        supply: see `Supply`.

    Raises:
        TinyopsError: the file is of another size, or cannot be written.
    """

    def __init__(self, path: Path, pages: int, page_bytes: int, supply: Supply = steady_supply) -> None:
        self.pages, self.page_bytes = pages, page_bytes
        self._supply = supply
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
            self._inverted = mmap.mmap(file.fileno(), pages * page_bytes)

    def close(self) -> None:
        """Let go of the file."""
        self._inverted.close()

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from an offset.

        Raises:
            FlashError: they are not all in the flash.
        """
        self._require_inside(offset, length)
        return self._inverted[offset : offset + length].translate(_INVERTED)

    def is_erased(self, offset: int, length: int) -> bool:
        """Whether bytes are all 0xFF.

        Raises:
            FlashError: they are not all in the flash.
        """
        self._require_inside(offset, length)
        return self._inverted[offset : offset + length].count(0) == length

    def erase(self, page: int) -> None:
        """Erase a page.

        Raises:
            FlashError: there is no such page.
            PowerCut: a first part of the page is erased, the rest is as it was.
        """
        start = page * self.page_bytes
        self._require_inside(start, self.page_bytes)
        share = self._supply(Operation("erase", self.page_bytes))
        done = self.page_bytes if share >= 1 else int(share * self.page_bytes)
        self._inverted[start : start + done] = bytes(done)
        if share < 1:
            raise PowerCut

    def write(self, offset: int, data: bytes) -> None:
        """Write whole blocks to where the flash is erased, an operation for each page.

        Raises:
            FlashError: not whole blocks, a block is not erased, or beyond the end.
            PowerCut: a first part of the bytes is written, and the byte at the cut has some of its bits.
        """
        if offset % WRITE_BLOCK_BYTES or len(data) % WRITE_BLOCK_BYTES:
            raise FlashError(f"{len(data)} bytes at {offset} are not whole blocks of {WRITE_BLOCK_BYTES}")
        while data:
            room = self.page_bytes - offset % self.page_bytes
            self._write_in_page(offset, data[:room])
            offset, data = offset + room, data[room:]

    def _write_in_page(self, offset: int, data: bytes) -> None:
        if not self.is_erased(offset, len(data)):
            raise FlashError(f"a write of {len(data)} bytes at {offset} to flash that is not erased")
        share = self._supply(Operation("write", len(data)))
        written = data if share >= 1 else _cut_short(data, share)
        self._inverted[offset : offset + len(written)] = written.translate(_INVERTED)
        if share < 1:
            raise PowerCut

    def _require_inside(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.pages * self.page_bytes:
            raise FlashError(f"{length} bytes at {offset} are not in a flash of {self.pages * self.page_bytes}")


def _cut_short(data: bytes, share: float) -> bytes:
    """What a share of a write leaves: whole bytes, then one with only its low bits programmed."""
    all_bits = len(data) * _BITS_PER_BYTE
    whole, bits = divmod(min(int(share * all_bits), all_bits - 1), _BITS_PER_BYTE)
    return data[:whole] + bytes([data[whole] | (ERASED << bits & ERASED)])


class Area:
    """Some pages of a flash, with offsets and page numbers of their own.

    Args:
        flash: the flash.
        first_page: its first page.
        pages: number of pages.
    """

    def __init__(self, flash: NorFlash, first_page: int, pages: int) -> None:
        self._flash, self._first_page, self.pages = flash, first_page, pages
        self.page_bytes = flash.page_bytes
        self.size = pages * flash.page_bytes
        self._start = first_page * flash.page_bytes

    def read(self, offset: int, length: int) -> bytes:
        """See `NorFlash.read`."""
        self._require_inside(offset, length)
        return self._flash.read(self._start + offset, length)

    def is_erased(self, offset: int, length: int) -> bool:
        """See `NorFlash.is_erased`."""
        self._require_inside(offset, length)
        return self._flash.is_erased(self._start + offset, length)

    def erase(self, page: int) -> None:
        """See `NorFlash.erase`."""
        self._require_inside(page * self.page_bytes, self.page_bytes)
        self._flash.erase(self._first_page + page)

    def write(self, offset: int, data: bytes) -> None:
        """See `NorFlash.write`."""
        self._require_inside(offset, len(data))
        self._flash.write(self._start + offset, data)

    def erase_used(self, pages: Iterable[int]) -> None:
        """Erase those of the pages that are not erased: what is erased already costs neither time nor wear."""
        for page in pages:
            if not self.is_erased(page * self.page_bytes, self.page_bytes):
                self.erase(page)

    def _require_inside(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise FlashError(f"{length} bytes at {offset} are not in an area of {self.size}")
