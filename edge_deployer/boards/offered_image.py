"""Images and releases that `tinyops boards` is given, or finds in the workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_deployer.boards.bench import Bench
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file, reading
from edge_deployer.inventory.inventory import BoardEntry, board_profile
from edge_deployer.release.bundle import IMAGE_FILE, Bundle, read_bundle
from edge_deployer.release.fit import misfit
from edge_deployer.release.image import MANIFEST_TLV, read_image
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.store import release_folders
from edge_deployer.wire.mcuboot import ImageFormatError, McubootImage, parse_image


class Refused(Exception):
    """The command does not do it.

    Args:
        reason: why, in a sentence without a full stop.
        remedy: what to do about it.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


@dataclass(frozen=True)
class OfferedImage:
    """An image to install.

    Attributes:
        label: what the user called it.
        data: the file.
        image: the same, parsed.
    """

    label: str
    data: bytes
    image: McubootImage


def find_image(argument: str, bench: Bench, entry: BoardEntry) -> OfferedImage:
    """The image that a command names for a board: a file, a release's folder, or the id of one in the workspace.

    Raises:
        TinyopsError: there is no such thing, it is no image, or a part of the release was altered.
        Refused: the image is not for this board.
    """
    path = Path(argument)
    with reading(f"image {argument}"):
        folder = path if path.is_dir() else _release_folder(bench.workspace, argument)
        file = folder / IMAGE_FILE if folder and not path.is_file() else path
        is_there = file.exists()
    if not is_there:
        known = ", ".join(sorted(image.parent.name for image in _release_images(bench.workspace))) or "none"
        raise TinyopsError(
            f"{argument} is neither a file nor a release in {bench.workspace}",
            remedy=f"give the path of a signed image, or one of the releases there: {known}",
        )
    data = read_file(file, f"image {file}")
    try:
        image = parse_image(data)
        expected = image.hash
    except ImageFormatError as error:
        remedy = "give a file that imgtool signed"
        raise TinyopsError(f"{file} is not an MCUboot image: {error}", remedy=remedy) from None
    if image.digest != expected:
        raise TinyopsError(f"{file} is damaged: it has not the SHA-256 that it says", remedy="copy or build it again")
    _check_signature(data, file, bench, entry)
    _check_room(data, image, entry)
    key = bench.trusted_key(entry)
    if file != path and folder and key:
        read_bundle(folder, public_pem=key)
    return OfferedImage(argument, data, image)


def find_release(image_hash: bytes, bench: Bench, entry: BoardEntry) -> Bundle | None:
    """The release in the workspace whose image this is; None if there is none that can be verified.

    Raises:
        TinyopsError: a part of it was altered, or a key's file cannot be read.
    """
    key = bench.release_key(entry)
    for file in _release_images(bench.workspace):
        data = read_file(file, f"image {file}")
        if key and _hash_of(data) == image_hash and _is_signed(data, key):
            return read_bundle(file.parent, public_pem=key)
    return None


def _release_folder(workspace: Path, release: str) -> Path | None:
    """The folder of a release, by version and build (the folder's name) or by release id, which adds the hash."""
    names = {release, release.rpartition("-")[0]}
    return next((image.parent for image in _release_images(workspace) if image.parent.name in names), None)


def _release_images(workspace: Path) -> list[Path]:
    images = [folder / IMAGE_FILE for folder in release_folders(workspace / "releases")]
    return [image for image in images if image.exists()]


def _check_signature(data: bytes, file: Path, bench: Bench, entry: BoardEntry) -> None:
    key = bench.trusted_key(entry)
    if key and not _is_signed(data, key):
        raise Refused(
            f"{file} is not signed with the key that {entry.name} trusts",
            "sign it with the private half of that key, or correct `public_key` in the inventory",
        )


def _is_signed(data: bytes, key: bytes) -> bool:
    try:
        read_image(data, public_pem=key)
    except TinyopsError:
        return False
    return True


def _check_room(data: bytes, image: McubootImage, entry: BoardEntry) -> None:
    profile = board_profile(entry)
    manifest = image.protected.get(MANIFEST_TLV)
    needed = Manifest.from_cbor(manifest).arena_bytes if manifest else None
    found = misfit(profile, image_bytes=len(data), arena_bytes=needed)
    if found:
        raise Refused(found.describe(f"{entry.name} ({profile.name})"), found.remedy)


def _hash_of(data: bytes) -> bytes | None:
    try:
        return parse_image(data).hash
    except ImageFormatError:
        return None
