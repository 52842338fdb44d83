"""Bringing an image into the spare slot: as it is, or compressed where the board takes that."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Callable

from smpclient.requests.image_management import ImageUploadWrite

from edge_deployer.session.errors import BoardRefused, LineError
from edge_deployer.session.line import SmpLine
from edge_deployer.session.transfer import Payload, Transfer
from edge_deployer.wire.inference import Codec, UploadReadRequest, UploadReadResponse, UploadWriteRequest

Progress = Callable[[int, int], None]
_WHAT = "take an image"
_MOST_UPLOADS = 3
_WORTH_COMPRESSING = 0.95
# A board may erase its whole slot before it answers the first chunk; smpclient waits as long for it.
_ERASE_PATIENCE_S = 40.0


async def upload(line: SmpLine, image: bytes, on_progress: Progress) -> None:
    """Upload to the spare slot; goes on where an interrupted upload of the same image stopped.

    Raises:
        SessionError: see `Transfer.run`; `LineError` where the image arrives damaged again and again.
    """
    compressed = _compress(image, await _stream_taken(line))
    for _ in range(_MOST_UPLOADS):
        match = await (
            _send_compressed(line, compressed, image, on_progress) if compressed else _send(line, image, on_progress)
        )
        # A board that does not check says nothing; whoever installs compares the hash anyway.
        if match is not False:
            return
    raise LineError(line.url, f"the image arrived damaged {_MOST_UPLOADS} times, says the board")


async def _send(line: SmpLine, image: bytes, on_progress: Progress) -> bool | None:
    """The image as it is, in the image group; whether the board finds it undamaged, if it says."""
    sha = hashlib.sha256(image).digest()

    def chunk(offset: int, data: bytes) -> ImageUploadWrite:
        if offset == 0:
            return ImageUploadWrite(off=0, data=data, image=0, len=len(image), sha=sha)
        return ImageUploadWrite(off=offset, data=data)

    payload = Payload(image, chunk, _WHAT, "an image", first_patience_s=_ERASE_PATIENCE_S)
    answer = await Transfer(line, payload, on_progress=lambda arrived: on_progress(arrived, len(image))).run()
    return answer.match


async def _send_compressed(line: SmpLine, stream: bytes, image: bytes, on_progress: Progress) -> bool | None:
    """The image compressed, in the inference group; whether the board finds it undamaged."""
    sha = hashlib.sha256(image).digest()

    def chunk(offset: int, data: bytes) -> UploadWriteRequest:
        if offset == 0:
            return UploadWriteRequest(off=0, data=data, len=len(stream), size=len(image), sha=sha)
        return UploadWriteRequest(off=offset, data=data)

    def report(arrived: int) -> None:
        on_progress(arrived * len(image) // len(stream), len(image))

    payload = Payload(stream, chunk, _WHAT, "a compressed image", first_patience_s=_ERASE_PATIENCE_S)
    return (await Transfer(line, payload, on_progress=report).run()).match


async def _stream_taken(line: SmpLine) -> UploadReadResponse | None:
    """The compressed stream that the board takes; None if it takes none that is known here."""
    try:
        stream = await line.ask(UploadReadRequest(), "tell how it takes compressed images")
    except BoardRefused:
        return None
    return stream if stream.codec == Codec.LZMA1 else None


def _compress(image: bytes, stream: UploadReadResponse | None) -> bytes | None:
    """The compressed image; None where that is not possible or not worth it."""
    if stream is None:
        return None
    coder = {"id": lzma.FILTER_LZMA1, "dict_size": stream.window, "lc": stream.lc, "lp": stream.lp, "pb": stream.pb}
    compressed = lzma.compress(image, format=lzma.FORMAT_RAW, filters=[coder])
    return compressed if len(compressed) < _WORTH_COMPRESSING * len(image) else None
