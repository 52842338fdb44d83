"""An image that somebody names for a board: is it one, and is it for this board?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.refusals import RefusedFor
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.files import read_file, reading
from edge_deployer.inventory.inventory import BoardEntry, board_profile
from edge_deployer.release.bundle import IMAGE_FILE, read_bundle
from edge_deployer.release.fit import misfit
from edge_deployer.release.image import MANIFEST_TLV, DamagedImage, SignedByAnother, read_image
from edge_deployer.release.manifest import Manifest
from edge_deployer.wire.mcuboot import ImageFormatError, McubootImage, parse_image


@dataclass(frozen=True)
class OfferedImage:
    """An image to install."""

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
        folder = path if path.is_dir() else bench.releases.folder(argument)
        file = folder / IMAGE_FILE if folder and not path.is_file() else path
        is_there = file.exists()
    if not is_there:
        raise TinyopsError(
            f"{argument} is neither a file nor a release in {bench.workspace}",
            remedy="give the path of a signed image, or one of the releases there: "
            + (", ".join(bench.releases.names()) or "none"),
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
    if found := bench.releases.below_floor(data):
        raise RefusedFor(found)
    _check_room(data, image, entry)
    keys = bench.trusted_keys(entry)
    if file != path and folder and keys:
        read_bundle(folder, public_pem=keys)
    return OfferedImage(argument, data, image)


def _check_signature(data: bytes, file: Path, bench: Bench, entry: BoardEntry) -> None:
    keys = bench.trusted_keys(entry)
    try:
        if keys:
            read_image(data, public_pem=keys)
    except (DamagedImage, SignedByAnother) as error:
        raise Refused(
            f"{file} is not signed with a key that {entry.name} trusts: {error.message}",
            remedy="sign it with the private half of one, or correct `public_key` in the inventory",
        ) from error


def _check_room(data: bytes, image: McubootImage, entry: BoardEntry) -> None:
    profile = board_profile(entry)
    stated = image.protected.get(MANIFEST_TLV)
    manifest = Manifest.from_cbor(stated) if stated else None
    found = misfit(
        profile,
        board=f"{entry.name} ({profile.name})",
        image_bytes=len(data),
        arena_bytes=manifest.arena_bytes if manifest else None,
        profiles=manifest.profiles if manifest else None,
    )
    if found:
        raise RefusedFor(found)
