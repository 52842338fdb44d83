"""SMP group 1: state of the slots, test and confirm, upload, erase. Source: Zephyr's `img_mgmt`."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Any

from smp.error import MGMT_ERR
from smp.header import CommandId, GroupId
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.virtual_board.flash import Flash, Slot
from edge_deployer.virtual_board.smp_server import Fields, GeneralError, GroupError, Handlers, Request, field
from edge_deployer.wire.mcuboot import HEADER_BYTES, MAGIC, ImageFormatError, McubootImage, parse_image

_Command = CommandId.ImageManagement
_SHA256_BYTES = 32
_V1 = {
    IMG_MGMT_ERR.HASH_NOT_FOUND: MGMT_ERR.ENOENT,
    IMG_MGMT_ERR.NO_FREE_SLOT: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.IMAGE_ALREADY_PENDING: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.IMAGE_SETTING_TEST_TO_ACTIVE_DENIED: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE: MGMT_ERR.ENOMEM,
}


@dataclass
class _Upload:
    """An upload under way: how long the image is, its SHA-256 if the client told, and what has arrived."""

    length: int
    sha: bytes | None
    received: int = 0


def _refuse(code: IMG_MGMT_ERR) -> GroupError:
    return GroupError(GroupId.IMAGE_MANAGEMENT, code, _V1.get(code, MGMT_ERR.EINVAL))


class ImageGroup:
    """The image group.

    Args:
        flash: the slots it works on.
    """

    def __init__(self, flash: Flash) -> None:
        self._flash = flash
        self._upload: _Upload | None = None
        self.handlers: Handlers = {
            (_Command.STATE, False): self._read_state,
            (_Command.STATE, True): self._write_state,
            (_Command.UPLOAD, True): self._take_chunk,
            (_Command.ERASE, True): self._erase,
        }

    def _read_state(self, _: Request) -> Fields:
        states = [self._describe(slot, image) for slot, image in self._images().items()]
        return {"images": states, "splitStatus": 0}

    def _images(self) -> dict[Slot, McubootImage]:
        images = {}
        for slot in Slot:
            try:
                image = parse_image(self._flash.read(slot))
                image.hash  # noqa: B018 - an image without a hash is not listed
            except ImageFormatError:
                continue
            images[slot] = image
        return images

    def _describe(self, slot: Slot, image: McubootImage) -> dict[str, Any]:
        trailer, primary = self._flash.trailer, slot is Slot.PRIMARY
        return {
            "slot": slot.value,
            "version": image.version,
            "hash": image.hash,
            "bootable": True,
            "pending": not primary and trailer.pending is not None,
            # While the primary image is on trial it is the other one that stays.
            "confirmed": trailer.confirmed if primary else not trailer.confirmed,
            "active": primary,
            "permanent": not primary and trailer.pending == "permanent",
        }

    def _write_state(self, request: Request) -> Fields:
        digest, confirm = field(request, "hash", bytes, b""), field(request, "confirm", bool, False)
        slot = self._find(digest, confirm)
        trailer = self._flash.trailer
        if slot is Slot.PRIMARY:
            if not confirm:
                raise _refuse(IMG_MGMT_ERR.IMAGE_SETTING_TEST_TO_ACTIVE_DENIED)
            self._flash.trailer = replace(trailer, confirmed=True)
        elif not trailer.confirmed:
            raise _refuse(IMG_MGMT_ERR.IMAGE_ALREADY_PENDING)
        else:
            self._flash.trailer = replace(trailer, pending="permanent" if confirm else "test")
        return self._read_state(request)

    def _find(self, digest: bytes, confirm: bool) -> Slot:
        if not digest:
            if not confirm:
                raise _refuse(IMG_MGMT_ERR.INVALID_HASH)
            return Slot.PRIMARY
        for slot, image in self._images().items():
            if image.hash == digest:
                return slot
        raise _refuse(IMG_MGMT_ERR.HASH_NOT_FOUND)

    def _take_chunk(self, request: Request) -> Fields:
        offset, data = field(request, "off", int), field(request, "data", bytes)
        if offset == 0 and not self._resumes(request):
            self._start_upload(request, data)
        upload = self._upload
        if upload is None:
            raise _refuse(IMG_MGMT_ERR.INVALID_OFFSET)
        if offset != upload.received:
            return {"off": upload.received}
        if offset + len(data) > upload.length:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_DATA_OVERRUN)
        self._flash.append(Slot.SECONDARY, data)
        upload.received += len(data)
        return self._progress(upload)

    def _progress(self, upload: _Upload) -> Fields:
        if upload.received < upload.length:
            return {"off": upload.received}
        # The upload stays known, so that a client whose answer got lost hears that it is complete.
        if upload.sha is None:
            return {"off": upload.received}
        return {"off": upload.received, "match": self._sha_of_secondary() == upload.sha}

    def _resumes(self, request: Request) -> bool:
        """Whether a first chunk belongs to the upload under way: same length and SHA-256 of the file."""
        sha, upload = field(request, "sha", bytes, b""), self._upload
        if upload is None or not sha or (sha, request.fields.get("len")) != (upload.sha, upload.length):
            return False
        return upload.received < upload.length or self._sha_of_secondary() == sha

    def _sha_of_secondary(self) -> bytes:
        return hashlib.sha256(self._flash.read(Slot.SECONDARY)).digest()

    def _start_upload(self, request: Request, data: bytes) -> None:
        length, sha = field(request, "len", int), field(request, "sha", bytes, b"")
        if field(request, "image", int, 0) != 0:
            raise _refuse(IMG_MGMT_ERR.INVALID_SLOT)
        if length > self._flash.slot_bytes:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE)
        if len(data) < HEADER_BYTES:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_HEADER)
        if struct.unpack_from("<I", data)[0] != MAGIC:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_HEADER_MAGIC)
        if sha and len(sha) != _SHA256_BYTES:
            raise GeneralError(MGMT_ERR.EINVAL)
        self._require_unused_secondary(IMG_MGMT_ERR.NO_FREE_SLOT)
        self._flash.erase(Slot.SECONDARY)
        self._upload = _Upload(length, sha or None)

    def _erase(self, request: Request) -> Fields:
        if field(request, "slot", int, Slot.SECONDARY.value) != Slot.SECONDARY:
            raise _refuse(IMG_MGMT_ERR.INVALID_SLOT)
        self._require_unused_secondary(IMG_MGMT_ERR.IMAGE_ALREADY_PENDING)
        self._flash.erase(Slot.SECONDARY)
        self._upload = None
        return {}

    def _require_unused_secondary(self, code: IMG_MGMT_ERR) -> None:
        """The secondary slot is in use while it is to boot next, or is what a trial reverts to."""
        trailer = self._flash.trailer
        if trailer.pending is not None or not trailer.confirmed:
            raise _refuse(code)
