"""Bringing an image into the spare slot: as it is, or compressed where the board takes that.

Where a board tells what its flash holds, only what is missing is sent, so that an upload survives a reset.
"""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Callable
from dataclasses import dataclass

from smp.header import GroupId
from smp.image_management import IMG_MGMT_ERR
from smpclient.requests.image_management import ImageUploadWrite

from edge_deployer.session.claim import Claim
from edge_deployer.session.errors import BoardGone, BoardRefused, ImageTooBig, LineError, ProtocolError
from edge_deployer.session.line import SmpLine
from edge_deployer.session.transfer import Forgotten, Payload, Transfer
from edge_deployer.wire.inference import (
    GROUP,
    Capability,
    Codec,
    ErrorCode,
    PagesReadRequest,
    UploadReadRequest,
    UploadReadResponse,
    UploadWriteRequest,
    crc32,
)

Progress = Callable[[int, int], None]
_WHAT = "take an image"
_MOST_UPLOADS = 3
# Resets in a row that each left no page more in the flash.
_MOST_IN_VAIN = 3
_WORTH_COMPRESSING = 0.95
# A board may erase its whole slot before it answers the first chunk; smpclient waits as long for it.
_ERASE_PATIENCE_S = 40.0
_ERASED = b"\xff"
_TOO_BIG = {
    (GROUP, int(ErrorCode.IMAGE_TOO_BIG)),
    (int(GroupId.IMAGE_MANAGEMENT), int(IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE)),
}


@dataclass(frozen=True)
class _Stream:
    """What goes over the line of an image from an offset, to be put there by group 65."""

    data: bytes
    codec: Codec
    at: int


async def upload(line: SmpLine, image: bytes, on_progress: Progress, claim: Claim) -> None:
    """Upload to the spare slot; goes on where an interrupted upload of the same image stopped.

    Nothing is sent where the flash holds all of the image. Whoever uploads proves the result by the image's hash.

    Raises:
        ImageTooBig: the image does not fit the slot.
        Fenced: a newer holder has claimed the board.
        SessionError: see `Transfer.run`; `LineError` where the image arrives damaged again and again, `BoardGone` where
            the board is reset again and again before a page more is written.
    """
    taken, can = await _stream_taken(line), await claim.capabilities()
    damaged, in_vain, furthest = 0, 0, -1
    while damaged < _MOST_UPLOADS:
        # After damage that no page's checksum shows, all of it goes again.
        start = await _bytes_held(line, image) if Capability.PAGES in can and not damaged else 0
        if start >= len(image):
            on_progress(len(image), len(image))
            return
        in_vain, furthest = (0, start) if start > furthest else (in_vain + 1, furthest)
        await claim.renew()
        try:
            match = await _send(line, image, _stream(image, start, taken, can), on_progress, claim.mark)
        except Forgotten as reset:
            if in_vain == _MOST_IN_VAIN:
                message = f"forgets the upload again and again, and gets no further than byte {furthest}"
                raise reset.refusal or BoardGone(line.url, message) from reset
            continue
        # A board that does not check says nothing; whoever installs compares the hash anyway.
        if match is not False:
            return
        damaged += 1
    raise LineError(line.url, f"the image arrived damaged {_MOST_UPLOADS} times, says the board")


async def _bytes_held(line: SmpLine, image: bytes) -> int:
    """How much of the image, from its start and in whole pages, the flash of the spare slot holds."""
    held, wanted = 0, 1
    while held < len(image):
        answer = await line.ask(PagesReadRequest(off=held, n=wanted), "tell what its spare slot holds")
        if answer.off != held or answer.page < 1:
            raise ProtocolError(line.url, f"tells of pages of {answer.page} bytes at {answer.off}, asked for {held}")
        if not answer.crc:
            return held
        for checksum in answer.crc:
            if crc32(image[held : held + answer.page].ljust(answer.page, _ERASED)) != checksum:
                return held
            held += answer.page
        wanted = max(1, -(-(len(image) - held) // answer.page))
    return held


def _stream(image: bytes, start: int, taken: UploadReadResponse | None, can: Capability) -> _Stream | None:
    """What group 65 takes of an image from an offset; None where only the image group takes it."""
    compressed = _compress(image[start:], taken)
    if compressed is not None:
        return _Stream(compressed, Codec.LZMA1, start)
    return _Stream(image[start:], Codec.STORED, start) if Capability.PAGES in can else None


async def _send(
    line: SmpLine, image: bytes, stream: _Stream | None, on_progress: Progress, epoch: int | None
) -> bool | None:
    """Send an image, or the rest of it; whether the board finds the whole undamaged, if it says.

    Raises:
        Forgotten: the board does not know of the upload any more.
        ImageTooBig: the image does not fit the slot.
    """
    try:
        if stream is None:
            return await _send_image(line, image, on_progress)
        return await _send_stream(line, stream, image, on_progress, epoch)
    except BoardRefused as refusal:
        if (refusal.group, refusal.code) in _TOO_BIG:
            raise ImageTooBig(line.url, len(image)) from refusal
        raise


async def _send_image(line: SmpLine, image: bytes, on_progress: Progress) -> bool | None:
    """The image as it is, in the image group."""
    sha = hashlib.sha256(image).digest()

    def chunk(offset: int, data: bytes) -> ImageUploadWrite:
        if offset == 0:
            return ImageUploadWrite(off=0, data=data, image=0, len=len(image), sha=sha)
        return ImageUploadWrite(off=offset, data=data)

    payload = Payload(image, chunk, _WHAT, "an image", first_patience_s=_ERASE_PATIENCE_S)
    transfer = Transfer(line, payload, on_progress=lambda arrived: on_progress(arrived, len(image)), starts_over=False)
    return (await transfer.run()).match


async def _send_stream(
    line: SmpLine, stream: _Stream, image: bytes, on_progress: Progress, epoch: int | None
) -> bool | None:
    """A stream, in the inference group."""
    sha, total = hashlib.sha256(image).digest(), len(stream.data)
    # What a board of revision 1 does not know is left out where it says nothing.
    codec = None if stream.codec is Codec.LZMA1 else stream.codec

    def chunk(offset: int, data: bytes) -> UploadWriteRequest:
        if offset == 0:
            return UploadWriteRequest(
                off=0, data=data, len=total, size=len(image), sha=sha, at=stream.at or None, codec=codec, epoch=epoch
            )
        return UploadWriteRequest(off=offset, data=data)

    def report(arrived: int) -> None:
        on_progress(stream.at + arrived * (len(image) - stream.at) // total, len(image))

    payload = Payload(stream.data, chunk, _WHAT, "an image's stream", first_patience_s=_ERASE_PATIENCE_S)
    return (await Transfer(line, payload, on_progress=report, starts_over=False).run()).match


async def _stream_taken(line: SmpLine) -> UploadReadResponse | None:
    """The compressed stream that the board takes; None if it takes none that is known here."""
    try:
        stream = await line.ask(UploadReadRequest(), "tell how it takes compressed images")
    except BoardRefused:
        return None
    return stream if stream.codec == Codec.LZMA1 else None


def _compress(data: bytes, stream: UploadReadResponse | None) -> bytes | None:
    """The compressed data; None where that is not possible or not worth it."""
    if stream is None:
        return None
    coder = {"id": lzma.FILTER_LZMA1, "dict_size": stream.window, "lc": stream.lc, "lp": stream.lp, "pb": stream.pb}
    compressed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=[coder])
    return compressed if len(compressed) < _WORTH_COMPRESSING * len(data) else None
