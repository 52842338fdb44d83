"""Bundles that no record knows, as every workspace has them that was made before there were stages.

Their folders get the name of their image's hash, one rename each, and then all are recorded in one change. Whatever
ends this in the middle, the next command goes on with what is left.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from edge_deployer.files import DAMAGED, DamagedFile, exists, move_aside, read_file, reading, writing
from edge_deployer.locks import exclusive
from edge_deployer.release.bundle import IMAGE_FILE, DamagedBundle
from edge_deployer.release.promotion_record import PromotionRecord, read_promotion
from edge_deployer.release.stage_file import Changes, NewStep, StageFile
from edge_deployer.wire.mcuboot import ImageFormatError, McubootImage, parse_image

LOCK_FILE: Final = "lock"
"""Who holds it builds, migrates or removes releases."""

BY: Final = "migration"
"""Who brought a release to a stage that it had before there were any."""

_VERSION_NAME: Final = re.compile(rf"({DAMAGED})?[0-9]+\.[0-9]+\.[0-9]+\+(?P<build>[0-9]+)(?(1)(-[0-9]+)?)")
_HASH_NAME: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class FoundBundle:
    """A bundle that no record knows."""

    image_hash: str
    version: str
    security_counter: int
    built: datetime
    # None where it was never promoted, or nobody can read how.
    promotion: PromotionRecord | None
    has_damaged_record: bool = False


def named_by_hash(root: Path) -> list[Path]:
    """The folders that are named as an image's hash, in no order."""
    return _folders(root, _HASH_NAME)


def migrate(root: Path, file: StageFile) -> list[str]:
    """Rename and record what no record knows; a sentence for each bundle that was moved aside because it is damaged.

    Raises:
        TinyopsError: another command works with the store, or it cannot be read or written.
    """
    old = [folder for folder in _folders(root, _VERSION_NAME) if not folder.name.startswith(DAMAGED)]
    if not old:
        return record_unknown(root, file)
    with exclusive(root / LOCK_FILE, busy=f"another command releases from {root.parent}"):
        aside = [said for folder in old if (said := _rename(folder))]
        aside += record_unknown(root, file)
    logging.getLogger(__name__).warning(
        "the releases in %s are now named by the hash of their image, and their stages are recorded; `tinyops releases "
        "list` shows them, and versions still name them",
        root,
    )
    return aside


def record_unknown(root: Path, file: StageFile) -> list[str]:
    """Record the bundles that no record knows, all or none; result and errors as of `migrate`."""
    known = {release.image_hash for release in file.histories()}
    aside: list[str] = []
    if all(folder.name in known for folder in named_by_hash(root)):
        return aside
    with file.changing() as changes:
        # Another command may have been quicker.
        known = {release.image_hash for release in changes.histories()}
        found = []
        for folder in named_by_hash(root):
            if folder.name not in known:
                bundle = _read(folder, aside)
                found += [bundle] if bundle else []
        _record(found, root, changes)
    return aside


def steps_of(bundles: Iterable[FoundBundle]) -> list[NewStep]:
    """The stages that bundles had before they were recorded, oldest first: a pure function of what lies beside them.

    A release that was promoted is in production until another, promoted later, took its place on production boards.
    One whose record nobody can read was accepted, and more is not known.
    """
    bundles = list(bundles)
    steps = [NewStep(bundle.image_hash, "staged", bundle.built, BY) for bundle in bundles]
    steps += [NewStep(found.image_hash, "accepted", found.built, BY) for found in bundles if found.has_damaged_record]
    promoted = {found.image_hash: found.promotion for found in bundles if found.promotion}
    retired: set[str] = set()
    for image_hash, promotion in sorted(promoted.items(), key=lambda item: item[1].finished):
        at, before = promotion.finished, _replaced(image_hash, promotion, promoted)
        steps.append(NewStep(image_hash, "accepted", at, BY))
        steps.append(NewStep(image_hash, "production", at, BY, replaces=before[0] if before else None))
        replaced = {other for other in before if other in promoted and promoted[other].finished < at} - retired
        steps += [NewStep(other, "retired", at, BY) for other in sorted(replaced)]
        retired |= replaced
    return steps


def _replaced(image_hash: str, promotion: PromotionRecord, promoted: Mapping[str, PromotionRecord]) -> list[str]:
    """What production ran before, what most of its boards ran first.

    Where the record has no boards, it was what was promoted last before it.
    """
    boards = [board.image_before for board in promotion.boards if board.pool == "production"]
    images = Counter(image for image in boards if image is not None and image != image_hash)
    if boards:
        return [image for image, _ in images.most_common()]
    earlier = {other: record.finished for other, record in promoted.items() if record.finished < promotion.finished}
    return [max(earlier, key=lambda other: earlier[other])] if earlier else []


def _record(found: list[FoundBundle], root: Path, changes: Changes) -> None:
    changes.add([(bundle.image_hash, bundle.version) for bundle in found], steps_of(found))
    for folder in _folders(root, _VERSION_NAME):
        match = _VERSION_NAME.fullmatch(folder.name)
        assert match is not None
        changes.spend_build(int(match["build"]))
    # A release is signed with the floor of its day.
    floor = max((bundle.security_counter for bundle in found), default=0)
    if floor > changes.floor():
        changes.raise_floor(floor, datetime.now(timezone.utc), BY)


def _folders(root: Path, name: re.Pattern[str]) -> list[Path]:
    with reading(f"release store {root}"):
        found = sorted(root.iterdir()) if root.exists() else []
        return [folder for folder in found if name.fullmatch(folder.name) and folder.is_dir()]


def _rename(folder: Path) -> str | None:
    try:
        target = folder.with_name(_image_of(folder).hash.hex())
        if target.exists():
            raise DamagedBundle(f"{folder} is a copy of the release {target.name}", remedy="remove it")
    except DamagedBundle as damage:
        return move_aside(folder, damage, then="its model is released again when it is pushed")
    with writing(f"release {folder}", remedy="make the workspace writable"):
        folder.rename(target)
    return None


def _read(folder: Path, aside: list[str]) -> FoundBundle | None:
    """A bundle named by its hash; None if it is damaged and was moved aside, of which `aside` gets a sentence."""
    try:
        image = _image_of(folder)
        if image.hash.hex() != folder.name:
            raise DamagedBundle(f"{folder} has the image {image.hash.hex()}", remedy="restore it")
    except DamagedBundle as damage:
        aside.append(move_aside(folder, damage, then="its model is released again when it is pushed"))
        return None
    with reading(f"release {folder}"):
        built = datetime.fromtimestamp((folder / IMAGE_FILE).stat().st_mtime, timezone.utc)
    numbers = [*image.version.split("."), "0"]
    version = f"{'.'.join(numbers[:3])}+{numbers[3]}"
    try:
        promotion, is_damaged = read_promotion(folder), False
    except DamagedFile:
        # Whoever pushes the release again moves the record aside and says so.
        promotion, is_damaged = None, True
    return FoundBundle(folder.name, version, image.security_counter, built, promotion, is_damaged)


def _image_of(folder: Path) -> McubootImage:
    path = folder / IMAGE_FILE
    if not exists(path, f"image {path}"):
        raise DamagedBundle(f"{folder} has no {IMAGE_FILE}", remedy="restore it")
    try:
        image = parse_image(read_file(path, f"image {path}"))
        if image.digest != image.hash:
            raise DamagedBundle(f"{path} has not the SHA-256 that it says", remedy="restore it")
    except ImageFormatError as error:
        raise DamagedBundle(f"{path} is no image: {error}", remedy="restore it") from None
    return image
