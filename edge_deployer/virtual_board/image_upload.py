"""Group 65's `upload` and `pages`: an image, or the rest of one, as a stream that is written as it arrives.

Specified in ``docs/inference-group.md``. What the slot holds in the end is the plain signed image.
"""

from __future__ import annotations

import lzma
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from smp.error import MGMT_ERR

from edge_deployer.virtual_board.group_errors import refuse, require_epoch
from edge_deployer.virtual_board.smp_server import Fields, GeneralError, Handlers, Request
from edge_deployer.virtual_board.spare_slot import SlotWriter, SpareSlot
from edge_deployer.wire.inference import (
    BYTES_PER_CHECKSUM,
    MAX_PAGES,
    PAGES_REPLY_OVERHEAD,
    Codec,
    Command,
    ErrorCode,
    PagesReadRequest,
    UploadWriteRequest,
)
from edge_deployer.wire.mcuboot import MAGIC

# The probabilities and this dictionary take 9,324 bytes of RAM: what a small board can lend.
_DICTIONARY_BYTES = 4096
_FILTER = {"id": lzma.FILTER_LZMA1, "dict_size": _DICTIONARY_BYTES, "lc": 0, "lp": 0, "pb": 0}


class _Decoder(Protocol):
    """As much of `lzma.LZMADecompressor` as is used here."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Stored:
    """Of a stream that is the image's bytes as they are."""

    eof, unused_data = True, b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return data[:max_length]


@dataclass
class _Upload:
    """An upload under way: its first chunk's fields, where it goes, and how much of the stream has arrived."""

    length: int
    size: int
    sha: bytes
    at: int
    codec: int
    writer: SlotWriter
    decoder: _Decoder
    received: int = 0
    head: bytes = b""

    def is_of(self, chunk: UploadWriteRequest) -> bool:
        """Whether it began with this first chunk."""
        told = (chunk.len, chunk.size, chunk.sha, chunk.at or 0, _codec(chunk))
        return told == (self.length, self.size, self.sha, self.at, self.codec)


class ImageUpload:
    """The commands `upload` and `pages`. An upload to the image group ends the one here, and the other way round."""

    def __init__(self, spare: SpareSlot, buffer_bytes: int, codecs: Collection[Codec] = tuple(Codec)) -> None:
        self._spare, self._codecs = spare, codecs
        self._most_pages = min(MAX_PAGES, (buffer_bytes - PAGES_REPLY_OVERHEAD) // BYTES_PER_CHECKSUM)
        self._upload: _Upload | None = None
        self.handlers: Handlers = {
            (Command.UPLOAD, False): self._describe,
            (Command.UPLOAD, True): self._take_chunk,
            (Command.PAGES, False): self._read_pages,
        }

    def _describe(self, _: Request) -> Fields:
        if Codec.LZMA1 not in self._codecs:
            raise GeneralError(MGMT_ERR.ENOTSUP)
        return {"codec": Codec.LZMA1.value, "window": _DICTIONARY_BYTES, "lc": 0, "lp": 0, "pb": 0}

    def _read_pages(self, request: Request) -> Fields:
        asked = PagesReadRequest.loads(request.message)
        if asked.off % self._spare.page_bytes or asked.off > self._spare.capacity:
            raise GeneralError(MGMT_ERR.EINVAL)
        checksums = self._spare.page_checksums(asked.off, min(asked.n, self._most_pages))
        return {"off": asked.off, "page": self._spare.page_bytes, "size": self._spare.capacity, "crc": checksums}

    def _take_chunk(self, request: Request) -> Fields:
        chunk = UploadWriteRequest.loads(request.message)
        if chunk.off == 0:
            require_epoch(chunk.epoch, self._spare.epoch)
            if not self._resumes(chunk):
                self._upload = self._start(chunk)
        upload = self._upload
        if upload is None or not self._spare.holds(upload.writer):
            return {"off": 0}
        if chunk.off == upload.received < upload.length:
            self._take(upload, chunk.data)
        return self._progress(upload)

    def _resumes(self, chunk: UploadWriteRequest) -> bool:
        """Whether a first chunk belongs to the upload under way, or to the one just completed."""
        upload = self._upload
        if upload is None or not upload.is_of(chunk):
            return False
        return self._spare.holds(upload.writer) and (upload.received < upload.length or self._matches(upload))

    def _start(self, chunk: UploadWriteRequest) -> _Upload:
        if chunk.len is None or chunk.size is None or chunk.sha is None:
            raise GeneralError(MGMT_ERR.EINVAL)
        codec, at = _codec(chunk), chunk.at or 0
        if codec not in self._codecs:
            raise GeneralError(MGMT_ERR.ENOTSUP)
        if at % self._spare.page_bytes or at >= chunk.size:
            raise GeneralError(MGMT_ERR.EINVAL)
        if chunk.size > self._spare.capacity:
            raise refuse(ErrorCode.IMAGE_TOO_BIG)
        if self._spare.in_use:
            raise refuse(ErrorCode.SLOT_BUSY)
        return _Upload(chunk.len, chunk.size, chunk.sha, at, codec, self._spare.start(at), _decoder(codec))

    def _take(self, upload: _Upload, data: bytes) -> None:
        try:
            _decode(upload, data)
        except (lzma.LZMAError, EOFError) as error:
            self._upload = None
            raise refuse(ErrorCode.BAD_STREAM) from error

    def _progress(self, upload: _Upload) -> Fields:
        if upload.received < upload.length:
            return {"off": upload.received}
        return {"off": upload.received, "match": self._matches(upload)}

    def _matches(self, upload: _Upload) -> bool:
        return upload.writer.written == upload.size and self._spare.sha256(upload.size) == upload.sha


def _codec(chunk: UploadWriteRequest) -> int:
    return Codec.LZMA1 if chunk.codec is None else chunk.codec


def _decoder(codec: int) -> _Decoder:
    return _Stored() if codec == Codec.STORED else lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[_FILTER])


def _decode(upload: _Upload, data: bytes) -> None:
    """Write what a chunk of the stream holds of the image.

    Raises:
        lzma.LZMAError: damaged, not an image, or not as long as told.
        EOFError: the stream has ended before.
    """
    room = upload.size - upload.writer.written
    image = upload.decoder.decompress(data, max_length=room + 1)
    upload.received += len(data)
    upload.head = (upload.head + image)[: len(MAGIC)]
    if len(image) > room or upload.received > upload.length or upload.decoder.unused_data:
        raise lzma.LZMAError("more than was told")
    if not upload.at and not MAGIC.startswith(upload.head):
        raise lzma.LZMAError("not an image")
    upload.writer.write(image)
    if upload.received == upload.length:
        if not upload.decoder.eof:
            raise lzma.LZMAError("the stream is not complete")
        upload.writer.finish()
