"""A number in flash that only ever rises and that no power cut can lower: the claimed epoch, the security counter."""

from __future__ import annotations

import struct
import zlib

from edge_deployer.virtual_board.flash import Area

PAGES = 2
"""Pages that a counter takes: while one is erased the other holds the value."""

_RECORD = struct.Struct("<QI4x")


class RisingCounter:
    """Records of a value and its CRC-32, one after the other.

    The value only rises, so the greatest whole record is the newest, whichever page it is in. A record that power cut
    short fails its CRC and does not count. It takes an area of `PAGES` pages.
    """

    def __init__(self, area: Area) -> None:
        self._area = area

    @property
    def value(self) -> int:
        """The value; 0 if it was never raised."""
        return max(self._values(page)[1] for page in range(PAGES))

    def raise_to(self, value: int) -> None:
        """Raise the value, a uint64; a lower or equal one changes nothing."""
        if value <= self.value:
            return
        page = max(range(PAGES), key=lambda page: self._values(page)[1])
        used, _ = self._values(page)
        if (used + 1) * _RECORD.size > self._area.page_bytes:
            page, used = (page + 1) % PAGES, 0
            self._area.erase(page)
        number = value.to_bytes(8, "little")
        self._area.write(page * self._area.page_bytes + used * _RECORD.size, _RECORD.pack(value, zlib.crc32(number)))

    def _values(self, page: int) -> tuple[int, int]:
        """How many records a page has, damaged ones included, and the greatest value of the whole ones."""
        content = self._area.read(page * self._area.page_bytes, self._area.page_bytes)
        used = -(-len(content.rstrip(b"\xff")) // _RECORD.size)
        records = (_RECORD.unpack_from(content, number * _RECORD.size) for number in range(used))
        whole = [value for value, crc in records if zlib.crc32(value.to_bytes(8, "little")) == crc]
        return used, max(whole, default=0)
