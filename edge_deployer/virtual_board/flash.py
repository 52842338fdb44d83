"""The board's flash: two image slots, the boot trailer and the claimed epoch, as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any


class Slot(IntEnum):
    """MCUmgr's slot numbers."""

    PRIMARY = 0
    SECONDARY = 1


@dataclass(frozen=True)
class Trailer:
    """What the boot logic must remember.

    Attributes:
        primary: which of the two slot files is the primary slot, 0 or 1: a swap is one write of the trailer.
        pending: ``test`` or ``permanent`` where the secondary image is to boot next, else None.
        confirmed: False while the primary image is on trial: the next boot reverts it.
    """

    primary: int = 0
    pending: str | None = None
    confirmed: bool = True

    def swapped(self) -> Trailer:
        """The two images change places."""
        return replace(self, primary=1 - self.primary)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file in one step: whoever dies half way leaves the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)


class Flash:
    """Two slots and a trailer under a directory.

    Args:
        directory: made if it does not exist.
        slot_bytes: size of a slot.
    """

    def __init__(self, directory: Path, slot_bytes: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.slot_bytes = slot_bytes
        self._directory = directory
        self._trailer_path = directory / "trailer.json"
        self._epoch_path = directory / "epoch.json"

    @property
    def trailer(self) -> Trailer:
        """The boot trailer; setting it is atomic."""
        if not self._trailer_path.exists():
            return Trailer()
        return Trailer(**json.loads(self._trailer_path.read_text()))

    @trailer.setter
    def trailer(self, trailer: Trailer) -> None:
        write_json(self._trailer_path, asdict(trailer))

    @property
    def epoch(self) -> int:
        """The newest epoch that claimed the board."""
        if not self._epoch_path.exists():
            return 0
        return int(json.loads(self._epoch_path.read_text())["epoch"])

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        write_json(self._epoch_path, {"epoch": epoch})

    def read(self, slot: Slot) -> bytes:
        """What was written to a slot since it was erased."""
        path = self._path(slot)
        return path.read_bytes() if path.exists() else b""

    def erase(self, slot: Slot) -> None:
        """Empty a slot."""
        self._path(slot).write_bytes(b"")

    def append(self, slot: Slot, data: bytes) -> None:
        """Write after what the slot holds."""
        with self._path(slot).open("ab") as file:
            file.write(data)

    def _path(self, slot: Slot) -> Path:
        physical = self.trailer.primary ^ slot
        return self._directory / f"slot{physical}.bin"
