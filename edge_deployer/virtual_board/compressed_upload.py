"""Group 65's `upload`: an image that is decompressed into the spare slot as it arrives.

Specified in ``docs/inference-group.md``. What the slot holds in the end is the plain signed image.
"""

from __future__ import annotations

import lzma
from dataclasses import dataclass

from smp.error import MGMT_ERR

from edge_deployer.virtual_board.smp_server import Fields, GeneralError, GroupError, Handlers, Request
from edge_deployer.virtual_board.spare_slot import SlotWriter, SpareSlot
from edge_deployer.wire.inference import GROUP, Codec, Command, ErrorCode, UploadWriteRequest
from edge_deployer.wire.mcuboot import MAGIC

# The probabilities and this dictionary take 9,324 bytes of RAM: what a small board can lend.
_DICTIONARY_BYTES = 4096
_FILTER = {"id": lzma.FILTER_LZMA1, "dict_size": _DICTIONARY_BYTES, "lc": 0, "lp": 0, "pb": 0}
_V1 = {
    ErrorCode.IMAGE_TOO_BIG: MGMT_ERR.ENOMEM,
    ErrorCode.SLOT_BUSY: MGMT_ERR.EBADSTATE,
    ErrorCode.BAD_STREAM: MGMT_ERR.ECORRUPT,
}


@dataclass
class _Upload:
    """An upload under way: what the client told of it, where it goes, and how much of the stream has arrived."""

    length: int
    size: int
    sha: bytes
    writer: SlotWriter
    decoder: lzma.LZMADecompressor
    received: int = 0
    head: bytes = b""


def _refuse(code: ErrorCode) -> GroupError:
    return GroupError(GROUP, code, _V1[code])


class CompressedUpload:
    """The command `upload`. An upload to the image group ends the one here, and the other way round."""

    def __init__(self, spare: SpareSlot) -> None:
        self._spare = spare
        self._upload: _Upload | None = None
        self.handlers: Handlers = {(Command.UPLOAD, False): self._describe, (Command.UPLOAD, True): self._take_chunk}

    def _describe(self, _: Request) -> Fields:
        return {"codec": Codec.LZMA1.value, "window": _DICTIONARY_BYTES, "lc": 0, "lp": 0, "pb": 0}

    def _take_chunk(self, request: Request) -> Fields:
        chunk = UploadWriteRequest.loads(request.message)
        if chunk.off == 0 and not self._resumes(chunk):
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
        if upload is None or (chunk.sha, chunk.len) != (upload.sha, upload.length):
            return False
        return self._spare.holds(upload.writer) and (upload.received < upload.length or self._matches(upload))

    def _start(self, chunk: UploadWriteRequest) -> _Upload:
        if chunk.len is None or chunk.size is None or chunk.sha is None:
            raise GeneralError(MGMT_ERR.EINVAL)
        if chunk.size > self._spare.capacity:
            raise _refuse(ErrorCode.IMAGE_TOO_BIG)
        if self._spare.in_use:
            raise _refuse(ErrorCode.SLOT_BUSY)
        decoder = lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=[_FILTER])
        return _Upload(chunk.len, chunk.size, chunk.sha, self._spare.start(), decoder)

    def _take(self, upload: _Upload, data: bytes) -> None:
        try:
            _decompress(upload, data)
        except (lzma.LZMAError, EOFError) as error:
            self._upload = None
            raise _refuse(ErrorCode.BAD_STREAM) from error

    def _progress(self, upload: _Upload) -> Fields:
        if upload.received < upload.length:
            return {"off": upload.received}
        return {"off": upload.received, "match": self._matches(upload)}

    def _matches(self, upload: _Upload) -> bool:
        return upload.writer.written == upload.size and self._spare.sha256(upload.size) == upload.sha


def _decompress(upload: _Upload, data: bytes) -> None:
    """Write what a chunk of the stream unpacks to.

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
    if not MAGIC.startswith(upload.head):
        raise lzma.LZMAError("not an image")
    upload.writer.write(image)
    if upload.received == upload.length:
        if not upload.decoder.eof:
            raise lzma.LZMAError("the stream is not complete")
        upload.writer.finish()
