"""A board of a few flash pages in this process: boot logic, SMP server, a flash file, and a power supply to cut."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.profile import load_profile
from edge_deployer.virtual_board.boot import boot
from edge_deployer.virtual_board.image_group import ImageGroup
from edge_deployer.virtual_board.image_upload import ImageUpload
from edge_deployer.virtual_board.inference_group import InferenceGroup
from edge_deployer.virtual_board.model import LoadedModel
from edge_deployer.virtual_board.os_group import OsGroup
from edge_deployer.virtual_board.partitions import Flash
from edge_deployer.virtual_board.retained import RetainedMemory
from edge_deployer.virtual_board.smp_server import SmpServer
from edge_deployer.virtual_board.spare_slot import SpareSlot
from edge_deployer.wire.inference import ResetReason
from edge_deployer.wire.mcuboot import McubootImage, parse_image
from edge_deployer.wire.smp import HEADER_BYTES, Header

SLOT_BYTES = 4096
PAGE_BYTES = 128
_CHUNK = 200
_PROFILE = load_profile("cortex-m4").model_copy(update={"smp_buffer_bytes": 512})


@dataclass
class Meter:
    """A supply that counts operations, and fails at one of them.

    Attributes:
        operations: how many there were.
        cut_at: the number, from 0, of the one to cut.
        share: how much of that one is still done.
    """

    operations: int = 0
    cut_at: int | None = None
    share: float = 0.0

    def __call__(self, *_: object) -> float:
        number, self.operations = self.operations, self.operations + 1
        return self.share if number == self.cut_at else 1.0

    def cut_after(self, operations: int, share: float) -> None:
        """Fail after so many more operations."""
        self.cut_at, self.share = self.operations + operations, share

    def restore(self) -> None:
        """Power for good."""
        self.cut_at = None


class SmallBoard:
    """A board; `start` is a power cycle.

    Attributes:
        server: what answers SMP messages.
        os: the server's OS group.
        inference: its inference group.
    """

    def __init__(self, directory: Path, key: tuple[Ed25519PublicKey, ...], page_bytes: int = PAGE_BYTES) -> None:
        self.meter = Meter()
        self.flash = Flash(directory, SLOT_BYTES, page_bytes, self.meter)
        self.running: McubootImage | None = None
        self._key = key
        self._file = directory / "flash.bin"
        self._directory, self._page_bytes = directory, page_bytes

    def start(self) -> str | None:
        """Boot; the version that runs."""
        self.flash.close()
        self.flash = Flash(self._directory, SLOT_BYTES, self._page_bytes, self.meter)
        self.running = boot(self.flash, self._key)
        spare, self.os = SpareSlot(self.flash), OsGroup(_PROFILE, "small")
        self.inference = InferenceGroup(
            self.running, _PROFILE, self.flash, RetainedMemory(self._directory), ResetReason.SOFTWARE, LoadedModel.run
        )
        handlers = {
            0: self.os.handlers,
            1: ImageGroup(self.flash, spare).handlers,
            65: {**self.inference.handlers, **ImageUpload(spare, _PROFILE.smp_buffer_bytes).handlers},
        }
        self.server = SmpServer(handlers, _PROFILE.smp_buffer_bytes)
        return self.version

    @property
    def version(self) -> str | None:
        return self.running.version if self.running else None

    def content(self) -> bytes:
        """The flash file, to be put back with `become`."""
        return self._file.read_bytes()

    def become(self, content: bytes) -> None:
        self._file.write_bytes(content)
        self.meter.restore()

    def ask(self, group: int, command: int, fields: Any, *, write: bool = True) -> dict[str, Any]:
        """The fields of an answer."""
        header = Header(op=2 * write, version=1, group=group, sequence=7, command=command)
        answer = self.server.answer(header.before(cbor2.dumps(fields)))
        assert answer is not None
        answered: dict[str, Any] = cbor2.loads(answer[HEADER_BYTES:])
        return answered

    def upload(self, image: bytes) -> dict[str, Any]:
        """The answer to the last chunk, or the first refusal."""
        answer: dict[str, Any] = {}
        for offset in range(0, len(image), _CHUNK):
            fields: dict[str, Any] = {"off": offset, "data": image[offset : offset + _CHUNK]}
            if offset == 0:
                fields |= {"len": len(image), "sha": hashlib.sha256(image).digest()}
            answer = self.ask(1, 1, fields)
            if "err" in answer:
                break
        return answer

    def test(self, image: bytes, *, confirm: bool = False) -> dict[str, Any]:
        return self.ask(1, 0, {"hash": parse_image(image).hash, "confirm": confirm})

    def confirm(self) -> dict[str, Any]:
        return self.ask(1, 0, {"confirm": True})

    def slots(self) -> dict[int, dict[str, Any]]:
        """The image group's entries, by slot."""
        return {state["slot"]: state for state in self.ask(1, 0, {}, write=False)["images"]}

    def install(self, image: bytes) -> str | None:
        """Upload, test, boot, confirm, boot: the version that runs in the end."""
        assert self.upload(image) == {"off": len(image), "match": True}
        assert self.test(image)["images"]
        self.start()
        self.confirm()
        return self.start()
