"""SMP group 1: state of the slots, test and confirm, upload, erase. Source: Zephyr's `img_mgmt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from smp.error import MGMT_ERR
from smp.header import CommandId, GroupId
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.smp_server import Fields, GeneralError, GroupError, Handlers, Request, field
from edge_deployer.virtual_board.spare_slot import SlotWriter, SpareSlot
from edge_deployer.virtual_board.trailer import SwapType
from edge_deployer.wire.mcuboot import HEADER_BYTES, MAGIC, ImageFormatError, McubootImage, parse_image, version_numbers

_Command = CommandId.ImageManagement
_SHA256_BYTES = 32
_V1 = {
    IMG_MGMT_ERR.HASH_NOT_FOUND: MGMT_ERR.ENOENT,
    IMG_MGMT_ERR.NO_FREE_SLOT: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.IMAGE_ALREADY_PENDING: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.IMAGE_SETTING_TEST_TO_ACTIVE_DENIED: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.CURRENT_VERSION_IS_NEWER: MGMT_ERR.EBADSTATE,
    IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE: MGMT_ERR.ENOMEM,
}


@dataclass(frozen=True)
class _Upload:
    """An upload under way: how long the image is, its SHA-256 if the client told, and where it goes."""

    length: int
    sha: bytes | None
    writer: SlotWriter


def _refuse(code: IMG_MGMT_ERR) -> GroupError:
    return GroupError(GroupId.IMAGE_MANAGEMENT, code, _V1.get(code, MGMT_ERR.EINVAL))


class ImageGroup:
    """The image group. Uploads go to the spare slot."""

    def __init__(self, flash: Flash, spare: SpareSlot) -> None:
        self._flash, self._spare = flash, spare
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
                image = parse_image(self._flash.image(slot))
                # Half an upload over an older image of the same length ends in the older one's hash.
                intact = image.hash == image.digest
            except ImageFormatError:
                continue
            if intact:
                images[slot] = image
        return images

    def _describe(self, slot: Slot, image: McubootImage) -> dict[str, Any]:
        swap_type, primary = self._flash.swap_type, slot is Slot.PRIMARY
        on_trial = swap_type is SwapType.REVERT
        return {
            "slot": slot.value,
            "version": image.version,
            "hash": image.hash,
            "bootable": True,
            "pending": not primary and swap_type in {SwapType.TEST, SwapType.PERM},
            # While the primary image is on trial it is the other one that stays.
            "confirmed": not on_trial if primary else on_trial,
            "active": primary,
            "permanent": not primary and swap_type is SwapType.PERM,
        }

    def _write_state(self, request: Request) -> Fields:
        digest, confirm = field(request, "hash", bytes, b""), field(request, "confirm", bool, False)
        slot = self._find(digest, confirm)
        if slot is Slot.PRIMARY:
            if not confirm:
                raise _refuse(IMG_MGMT_ERR.IMAGE_SETTING_TEST_TO_ACTIVE_DENIED)
            self._flash.confirm()
        elif self._flash.swap_type is SwapType.REVERT:
            raise _refuse(IMG_MGMT_ERR.IMAGE_ALREADY_PENDING)
        else:
            self._flash.set_pending(permanent=confirm)
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
        if upload is None or not self._spare.holds(upload.writer):
            raise _refuse(IMG_MGMT_ERR.INVALID_OFFSET)
        if offset != upload.writer.written:
            return {"off": upload.writer.written}
        if offset + len(data) > upload.length:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_DATA_OVERRUN)
        upload.writer.write(data)
        return self._progress(upload)

    def _progress(self, upload: _Upload) -> Fields:
        received = upload.writer.written
        if received < upload.length:
            return {"off": received}
        upload.writer.finish()
        # The upload stays known, so that a client whose answer got lost hears that it is complete.
        if upload.sha is None:
            return {"off": received}
        return {"off": received, "match": self._spare.sha256(upload.length) == upload.sha}

    def _resumes(self, request: Request) -> bool:
        """Whether a first chunk belongs to the upload under way: same length and SHA-256 of the file."""
        sha, upload = field(request, "sha", bytes, b""), self._upload
        if upload is None or not sha or (sha, request.fields.get("len")) != (upload.sha, upload.length):
            return False
        if not self._spare.holds(upload.writer):
            return False
        return upload.writer.written < upload.length or self._spare.sha256(upload.length) == sha

    def _start_upload(self, request: Request, data: bytes) -> None:
        length, sha = field(request, "len", int), field(request, "sha", bytes, b"")
        if field(request, "image", int, 0) != 0:
            raise _refuse(IMG_MGMT_ERR.INVALID_SLOT)
        if length > self._spare.capacity:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE)
        if len(data) < HEADER_BYTES:
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_HEADER)
        if not data.startswith(MAGIC):
            raise _refuse(IMG_MGMT_ERR.INVALID_IMAGE_HEADER_MAGIC)
        if sha and len(sha) != _SHA256_BYTES:
            raise GeneralError(MGMT_ERR.EINVAL)
        if field(request, "upgrade", bool, False):
            self._require_newer(data)
        self._require_unused_secondary(IMG_MGMT_ERR.NO_FREE_SLOT)
        self._upload = _Upload(length, sha or None, self._spare.start())

    def _require_newer(self, first_chunk: bytes) -> None:
        """Refuse what is not newer than the running image by major, minor and revision, as Zephyr compares them."""
        running = self._images().get(Slot.PRIMARY)
        if running and version_numbers(first_chunk) <= version_numbers(running.signed):
            raise _refuse(IMG_MGMT_ERR.CURRENT_VERSION_IS_NEWER)

    def _erase(self, request: Request) -> Fields:
        if field(request, "slot", int, Slot.SECONDARY.value) != Slot.SECONDARY:
            raise _refuse(IMG_MGMT_ERR.INVALID_SLOT)
        self._require_unused_secondary(IMG_MGMT_ERR.IMAGE_ALREADY_PENDING)
        self._spare.erase()
        return {}

    def _require_unused_secondary(self, code: IMG_MGMT_ERR) -> None:
        if self._spare.in_use:
            raise _refuse(code)
