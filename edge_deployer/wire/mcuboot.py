"""The MCUboot image format: header, payload, the TLVs after it; and the trailer at the end of a slot.

Source: MCUboot's design document, "Image format", "TLV" and "Image trailer". All numbers are little endian.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum

MAGIC = bytes.fromhex("3db8f396")
HEADER_BYTES = 32

_HEADER = struct.Struct("<4sIHHIIBBHII")
_TLV = struct.Struct("<HH")  # Also what an area of TLVs begins with.
_PROTECTED_INFO = 0x6908
_UNPROTECTED_INFO = 0x6907
_SECURITY_COUNTER_BYTES = 4

WRITE_BLOCK_BYTES = 8
"""Flash is written in such blocks, aligned, each once until its page is erased; the double word of an STM32L4."""

TRAILER_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
"""The last bytes of a slot that has a trailer."""


class TrailerField(IntEnum):
    """Where the fields before the magic begin, counted from the slot's end; before them is the swap status."""

    IMAGE_OK = len(TRAILER_MAGIC) + WRITE_BLOCK_BYTES
    COPY_DONE = len(TRAILER_MAGIC) + 2 * WRITE_BLOCK_BYTES
    SWAP_INFO = len(TRAILER_MAGIC) + 3 * WRITE_BLOCK_BYTES
    SWAP_SIZE = len(TRAILER_MAGIC) + 4 * WRITE_BLOCK_BYTES


STATUS_ENTRIES_PER_PAGE = 3


class TlvType(IntEnum):
    """The TLVs that this project reads."""

    KEY_HASH = 0x01
    SHA256 = 0x10
    ED25519 = 0x24
    SEC_CNT = 0x50


class ImageFormatError(ValueError):
    """The bytes are not an MCUboot image."""


@dataclass(frozen=True)
class McubootImage:
    """A parsed image.

    Attributes:
        version: ``major.minor.revision``, with ``.build`` where it is not 0, as MCUmgr reports it.
        payload: what the header and the TLVs are wrapped around.
        signed: the bytes that the digest covers: header, payload, protected TLVs.
        protected: TLVs the digest covers, by type.
        unprotected: the other TLVs, by type.
        length: bytes of the whole image, TLVs included.
    """

    version: str
    payload: bytes
    signed: bytes
    protected: dict[int, bytes]
    unprotected: dict[int, bytes]
    length: int

    @property
    def security_counter(self) -> int:
        """The security counter; 0 where the image has none. MCUboot takes it from the protected TLVs only.

        Raises:
            ImageFormatError: it is not a 32-bit number.
        """
        counter = self.protected.get(TlvType.SEC_CNT)
        if counter is None:
            return 0
        if len(counter) != _SECURITY_COUNTER_BYTES:
            raise ImageFormatError(f"the image's security counter has {len(counter)} bytes")
        return int.from_bytes(counter, "little")

    @property
    def hash(self) -> bytes:
        """The SHA-256 the image claims: its identity in MCUmgr.

        Raises:
            ImageFormatError: the image has none.
        """
        digest = self.unprotected.get(TlvType.SHA256)
        if digest is None:
            raise ImageFormatError("the image has no SHA-256 TLV")
        return digest

    @property
    def digest(self) -> bytes:
        """The SHA-256 the image really has."""
        return hashlib.sha256(self.signed).digest()


def parse_image(data: bytes) -> McubootImage:
    """Parse an image; bytes after it (an erased slot) are ignored.

    Raises:
        ImageFormatError: header or TLVs are wrong.
    """
    if len(data) < HEADER_BYTES:
        raise ImageFormatError(f"{len(data)} bytes are less than an image header")
    magic, _, header_size, protected_size, payload_size, _, major, minor, revision, build, _ = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise ImageFormatError(f"the image starts with {magic.hex()}, not MCUboot's magic")
    if header_size < HEADER_BYTES:
        raise ImageFormatError(f"the image says that its header has {header_size} bytes")
    payload_end = header_size + payload_size
    signed_end = payload_end + protected_size
    protected, protected_end = _read_tlvs(data, payload_end, _PROTECTED_INFO) if protected_size else ({}, signed_end)
    if protected_end != signed_end:
        raise ImageFormatError(f"the protected TLVs end at {protected_end}, the header says {signed_end}")
    unprotected, end = _read_tlvs(data, signed_end, _UNPROTECTED_INFO)
    return McubootImage(
        version=f"{major}.{minor}.{revision}" + (f".{build}" if build else ""),
        payload=data[header_size:payload_end],
        signed=data[:signed_end],
        protected=protected,
        unprotected=unprotected,
        length=end,
    )


def version_numbers(data: bytes) -> tuple[int, int, int]:
    """Major, minor and revision of an image of which the header, at least, is there."""
    *_, major, minor, revision, _, _ = _HEADER.unpack_from(data)
    return major, minor, revision


def _read_tlvs(data: bytes, start: int, expected_magic: int) -> tuple[dict[int, bytes], int]:
    """The TLVs of one area, and where it ends; where a type stands twice the first counts."""
    try:
        magic, length = _TLV.unpack_from(data, start)
        if magic != expected_magic or start + length > len(data):
            raise ImageFormatError(f"no TLV area at offset {start}")
        tlvs: dict[int, bytes] = {}
        offset, end = start + _TLV.size, start + length
        while offset < end:
            kind, size = _TLV.unpack_from(data, offset)
            offset += _TLV.size
            if offset + size > end:
                raise ImageFormatError(f"TLV {kind:#x} reaches beyond its area")
            tlvs.setdefault(kind, data[offset : offset + size])
            offset += size
    except struct.error as error:
        raise ImageFormatError(f"the TLV area at offset {start} is cut off") from error
    return tlvs, end


def trailer_pages(pages: int, page_bytes: int) -> int:
    """Pages that the trailer of a slot of so many pages takes; each has three entries in the swap status."""
    return -(-(TrailerField.SWAP_SIZE + pages * STATUS_ENTRIES_PER_PAGE * WRITE_BLOCK_BYTES) // page_bytes)


def largest_image(pages: int, page_bytes: int) -> int:
    """Bytes of the largest image that can be swapped: the slot less its trailer and the page that moving needs.

    Source: MCUboot's design document, "Swap using move".
    """
    return max(0, (pages - trailer_pages(pages, page_bytes) - 1) * page_bytes)
