"""Uploading an image in chunks, at the board's pace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from smpclient.requests.image_management import ImageUploadWrite

from edge_deployer.session.errors import LineError, ProtocolError
from edge_deployer.session.line import SmpLine

Progress = Callable[[int, int], None]
_MOST_REPEATS = 5
# A board may erase its whole slot before it answers the first chunk; smpclient waits as long for it.
_ERASE_PATIENCE_S = 40.0


async def upload(line: SmpLine, image: bytes, on_progress: Progress) -> None:
    """Upload to the spare slot; goes on where an interrupted upload of the same image stopped.

    Args:
        line: the board.
        image: the whole image file.
        on_progress: called with the bytes that have arrived and the total.

    Raises:
        SessionError: see `SmpLine.ask`; `LineError` where the board finds the image damaged.
    """
    offset, repeats, match = 0, 0, None
    while True:
        patience_s = _ERASE_PATIENCE_S if offset == 0 else 0.0
        answer = await line.ask(_chunk(line, image, offset), "take an image", patience_s=patience_s)
        match = answer.match if answer.match is not None else match
        arrived = answer.off if answer.off is not None else offset
        if not 0 <= arrived <= len(image):
            raise ProtocolError(line.url, f"has {arrived} bytes of an image of {len(image)}")
        repeats = repeats + 1 if arrived <= offset else 0
        if repeats > _MOST_REPEATS:
            raise LineError(line.url, f"the upload does not get beyond byte {offset} of {len(image)}")
        offset = arrived
        on_progress(offset, len(image))
        if offset >= len(image):
            break
    if match is False:
        raise LineError(line.url, "the board says that the image arrived damaged")


def _chunk(line: SmpLine, image: bytes, offset: int) -> ImageUploadWrite:
    first = ImageUploadWrite(off=0, data=b"", image=0, len=len(image), sha=hashlib.sha256(image).digest())
    empty = first if offset == 0 else ImageUploadWrite(off=offset, data=b"")
    room = line.client.get_max_cbor_and_data_size(empty)[1]
    data = image[offset : offset + room]
    if offset == 0:
        return ImageUploadWrite(off=0, data=data, image=0, len=len(image), sha=first.sha)
    return ImageUploadWrite(off=offset, data=data)
