"""The release store: every bundle that was ever built here, a folder each, and the stage that each has come to."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.files import exists, make_folder, move_aside, read_file, reading, writing
from edge_deployer.finding import Finding
from edge_deployer.locks import exclusive
from edge_deployer.release import acceptance_set, front_end
from edge_deployer.release.bundle import (
    IMAGE_FILE,
    UNFINISHED,
    Bundle,
    Candidate,
    DamagedBundle,
    read_bundle,
    read_stated_manifest,
    release_id,
    write_by_hash,
)
from edge_deployer.release.image import SignedByAnother, is_signed
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.migration import LOCK_FILE, migrate, named_by_hash, record_unknown
from edge_deployer.release.model_card import FACTS_FILE
from edge_deployer.release.promotion_record import RECORD_FILE as RECORD_FILE
from edge_deployer.release.promotion_record import read_promotion
from edge_deployer.release.refusals import BelowFloor
from edge_deployer.release.stage_file import Changes, NewStep, StageFile
from edge_deployer.release.stages import ReleaseHistory, Stage, has_step, lineage, removable
from edge_deployer.task_name import TaskName
from edge_deployer.wire.mcuboot import ImageFormatError, parse_image

_SHORTEST_HASH: Final = 8
"""Digits of an image hash that name a release."""
_REMOVED: Final = ".removed"
"""After the name of a folder that is being removed."""
_REMEDY: Final = "make the workspace writable"


@dataclass(frozen=True)
class Removed:
    """A release that was removed, or would be."""

    image_hash: str
    release_id: str
    stage: Stage
    size: int  # Bytes of its files.


@dataclass(frozen=True)
class Revocation:
    """What revoking a release came to.

    Attributes:
        floor: the security floor that holds now.
        raised: whether it is higher than before.
        below: ids of the releases that are there and lie below it, the revoked one too.
    """

    release_id: str
    floor: int
    raised: bool
    below: tuple[str, ...]


class ReleaseStore:
    """Bundles under one folder, named by the hash of their image, which covers the manifest, which covers every part.

    A model that was released before, with the same name, version, acceptance set, front end, board profiles, stated use
    and key, is the same release: `release` gives back the bundle that is there, so that pushing again changes nothing
    on any board. What else its model card says follows from these, and from the plan that it was first held against.

    Bundles that lie there and are not recorded, as in a workspace from before there were stages, are recorded first.

    Attributes:
        set_aside: what was found damaged, a sentence for each bundle: its folder is another one since.

    Raises:
        TinyopsError: such bundles are there, and cannot be recorded.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = StageFile(root)
        self.set_aside: list[str] = migrate(root, self._file)

    def release(self, candidate: Candidate, *, version: str, key: SigningKey) -> Bundle:
        """The bundle of a candidate: the one that is there, or a new one, whose version gets a build number.

        A bundle that is not what was signed is moved aside to ``damaged-`` and its version, and never deleted.
        One below the security floor is left alone: the new one is signed with the floor as its counter.

        Raises:
            TinyopsError: the store cannot be read or written.
        """
        floor = self.floor
        for known in reversed(self.releases()):
            found = self._found(known, candidate, version, key)
            if found is not None and found.security_counter >= floor:
                return found
        make_folder(self._root)
        with self._file.changing() as changes:
            whole = f"{version}+{changes.next_build()}"
        bundle = write_by_hash(candidate, self._root, version=whole, key=key, security_counter=floor)
        image_hash = bundle.image.hash.hex()
        with self._file.changing() as changes:
            # Another command may have found the bundle and recorded it.
            if all(known.image_hash != image_hash for known in changes.histories()):
                changes.add([(image_hash, whole)], [NewStep(image_hash, "staged", _now(), "release")])
        return bundle

    def ids(self) -> dict[str, str]:
        """The releases that are there, by the hex hash of their image; nothing is verified."""
        return {release.image_hash: _id_of(release) for release in self.releases()}

    def releases(self) -> list[ReleaseHistory]:
        """What is recorded of the releases that are there, by build."""
        there = {folder.name for folder in named_by_hash(self._root)}
        histories = self._file.histories()
        if there - {release.image_hash for release in histories}:
            # Whoever wrote a bundle was killed before it was recorded, or has not come to that yet.
            self.set_aside += record_unknown(self._root, self._file)
            histories = self._file.histories()
        return [release for release in histories if release.image_hash in there]

    def folders(self) -> list[Path]:
        """Their folders, in the same order."""
        return [self._root / release.image_hash for release in self.releases()]

    def names(self) -> list[str]:
        """The same by version and build."""
        return [release.version for release in self.releases()]

    def path(self, image_hash: str) -> Path:
        """Where the bundle with this image, hex, lies if it is here."""
        return self._root / image_hash

    def folder(self, name: str) -> Path | None:
        """The folder of a release, see `named`; None if it is not here."""
        release = self.named(name)
        return None if release is None else self._root / release.image_hash

    def named(self, name: str) -> ReleaseHistory | None:
        """A release, by version and build, by its id, which adds the hash, or by 8 or more digits of its image hash."""
        return next((release for release in reversed(self.releases()) if _is_named(release, name)), None)

    def find(self, image_hash: str, *, public_pem: bytes) -> Bundle | None:
        """The release with this image, hex; None if none that can be verified is here.

        Raises:
            TinyopsError: a part of it was altered, or cannot be read.
        """
        image = self._root / image_hash / IMAGE_FILE
        if self._has(image_hash) and is_signed(read_file(image, f"image {image}"), public_pem):
            return read_bundle(image.parent, public_pem=public_pem)
        return None

    def promotion_records(self) -> list[Path]:
        """The records of promotions: only what was promoted has one beside it."""
        records = [folder / RECORD_FILE for folder in self.folders()]
        return [path for path in records if exists(path, f"record {path}")]

    def task_of(self, image_hash: str) -> TaskName | None:
        """The task of the release with this image, hex; None where it is not here, or does not say.

        The manifest in the image is believed: who can alter it can give another model as well.
        """
        with suppress(DamagedBundle):
            manifest = read_stated_manifest(self._root / image_hash) if self._has(image_hash) else None
            return None if manifest is None else manifest.task
        return None

    def history(self, image_hash: str) -> ReleaseHistory | None:
        """What is recorded of the release with this image, hex, also if its bundle is gone; None if nothing is."""
        return next((found for found in self._file.histories() if found.image_hash == image_hash), None)

    def stage_of(self, image_hash: str) -> Stage:
        """Where a release stands.

        Raises:
            TinyopsError: nothing is recorded of a release with this image.
        """
        return _known(self._file.histories(), image_hash).stage

    def advance(
        self,
        image_hash: str,
        stage: Stage,
        *,
        by: str,
        replaces: str | None = None,
        compared_with: str | None = None,
    ) -> bool:
        """Record that a release came to a stage; nothing happens where it is there, or was and went on.

        What it replaces in production is retired with it, in the same change, if that is a release of this store.

        Args:
            image_hash: the release's, hex.
            stage: where it stands now.
            by: what brought it there, such as the id of a rollout.
            replaces: of ``production``: the image that production ran before, hex.
            compared_with: the image that its answers were compared with on boards, hex.

        Returns:
            Whether a step was recorded.

        Raises:
            Refused: the release was revoked, or did not come to the stage before.
            TinyopsError: nothing is recorded of it, or the store cannot be written.
        """
        at = _now()
        with self._changing() as changes:
            known = changes.histories()
            release = _known(known, image_hash)
            is_new = has_step(release.stages, stage, is_revoked=release.revoked is not None)
            if is_new is None:
                raise _no_step(release, stage)
            if not is_new:
                return False
            steps = [NewStep(image_hash, stage, at, by, replaces, compared_with)]
            other = next((found for found in known if found.image_hash == replaces), None)
            if other and has_step(other.stages, "retired", is_revoked=False):
                steps.append(NewStep(other.image_hash, "retired", at, by))
            changes.add([], steps)
        return True

    def in_production(self) -> list[str]:
        """Hex image hashes of what production boards run, by build; several where a workspace has several models."""
        return [release.image_hash for release in self._file.histories() if release.stage == "production"]

    def lineage(self, image_hash: str) -> list[str]:
        """What this release replaced in production, what that one had replaced, and so on; hex image hashes."""
        return lineage(self._file.histories(), image_hash)

    @property
    def floor(self) -> int:
        """The security floor: a release with a smaller security counter goes to no board."""
        return self._file.floor()

    def below_floor(self, data: bytes) -> Finding | None:
        """What is to be said against an image because of the floor, if anything; bytes of a whole image.

        Raises:
            ImageFormatError: they are no image.
        """
        image, floor = parse_image(data), self.floor
        if image.security_counter >= floor:
            return None
        known = self.history(image.hash.hex())
        return BelowFloor(
            release=_id_of(known) if known else f"image {image.hash.hex()[:8]}",
            counter=image.security_counter,
            floor=floor,
            revoked=known.revoked.reason if known and known.revoked else None,
        )

    def lies_below_floor(self, folder: Path) -> bool:
        """Whether a bundle's image states a smaller security counter than the floor; damaged ones state none."""
        return _lies_below(folder, self.floor)

    def revoke(self, name: str, *, reason: str, by: str) -> Revocation:
        """Raise the floor above a release, and retire it. Doing so twice changes nothing.

        Args:
            name: see `named`.
            reason: why, in words.
            by: who, or what.

        Raises:
            TinyopsError: there is no such release, or the store cannot be written.
        """
        found = self.named(name)
        if found is None:
            raise self.unknown(name)
        needed = 1 + _counter(self._root / found.image_hash)
        with self._changing() as changes:
            release = _known(changes.histories(), found.image_hash)
            raised = changes.floor() < needed
            if raised:
                changes.raise_floor(needed, _now(), f"{_id_of(release)} was revoked: {reason}")
            if release.revoked is None:
                changes.add([], [NewStep(release.image_hash, "retired", _now(), by, reason=reason)])
            floor = changes.floor()
        below = tuple(_id_of(other) for other in self.releases() if _lies_below(self._root / other.image_hash, floor))
        return Revocation(_id_of(release), floor, raised, below)

    def collect(self, *, keep: int, dry_run: bool = False, pinned: Collection[str] = ()) -> list[Removed]:
        """Remove the releases that nothing needs, see `removable`, and what killed commands left of others.

        Needed is also what a board had before a release that stays was promoted: the board may be taken back to it.

        Args:
            keep: how many of the newest stay that are neither in production nor accepted.
            dry_run: say what would be removed, and remove nothing.
            pinned: hex hashes of images that stay as well.

        Raises:
            TinyopsError: another command works with the store, a record of a promotion is damaged, or a release cannot
                be removed.
        """
        if not exists(self._root, f"release store {self._root}"):
            return []
        with exclusive(self._root / LOCK_FILE, busy=f"another command releases from {self._root.parent}"):
            there = self.releases()
            needless = removable(there, keep=keep, pinned={*pinned, *self._had_before(there)})
            removed = [
                Removed(release.image_hash, _id_of(release), release.stage, size_of(self._root / release.image_hash))
                for release in needless
            ]
            if not dry_run:
                self._remove(needless)
        return removed

    def unknown(self, name: str) -> TinyopsError:
        """That there is no release of this name."""
        known = ", ".join(self.names()) or "none"
        return TinyopsError(f"{name} is no release in {self._root.parent}", remedy=f"name one of those there: {known}")

    def _remove(self, needless: list[ReleaseHistory]) -> None:
        if needless:
            with self._changing() as changes:
                steps = [NewStep(found.image_hash, "retired", _now(), "gc") for found in needless if _is_open(found)]
                changes.add([], steps)
        with writing(f"release store {self._root}", remedy=_REMEDY):
            # At once, so that no half of a release is ever found under its name.
            for release in needless:
                folder = self._root / release.image_hash
                folder.rename(folder.with_name(f".{folder.name}{_REMOVED}"))
            for folder in self._root.glob(".*"):
                if folder.name.endswith((_REMOVED, UNFINISHED)) and folder.is_dir():
                    shutil.rmtree(folder)

    def _had_before(self, releases: list[ReleaseHistory]) -> set[str]:
        found: set[str] = set()
        for release in releases:
            stays = release.stage in ("production", "accepted")
            promotion = read_promotion(self._root / release.image_hash) if stays else None
            boards = promotion.boards if promotion else ()
            found.update(board.image_before for board in boards if board.image_before is not None)
        return found

    def _found(self, known: ReleaseHistory, candidate: Candidate, version: str, key: SigningKey) -> Bundle | None:
        """The candidate's bundle, if this release is it and the key signed it."""
        folder = self.path(known.image_hash)
        try:
            manifest = read_stated_manifest(folder)
            if manifest is not None and _is_release_of(manifest, candidate, version):
                found = read_bundle(folder, public_pem=key.public_pem)
                return found if _states_same_use(found, candidate) else None
        except SignedByAnother:
            pass
        except DamagedBundle as damage:
            # Its hash is not what names it any more.
            said = move_aside(folder, damage, then="its model is released again", name=known.version)
            self.set_aside.append(said)
        return None

    def _has(self, image_hash: str) -> bool:
        return any(release.image_hash == image_hash for release in self.releases())

    def _changing(self) -> AbstractContextManager[Changes]:
        make_folder(self._root)
        return self._file.changing()


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder.

    Raises:
        TinyopsError: it cannot be read.
    """
    with reading(f"release {folder}"):
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _is_release_of(manifest: Manifest, candidate: Candidate, version: str) -> bool:
    parts = candidate.front_end.parts() if candidate.front_end else {}
    return (
        manifest.name == candidate.name
        and manifest.version.partition("+")[0] == version
        and manifest.model_sha256 == hashlib.sha256(candidate.model).hexdigest()
        and manifest.profiles == candidate.profiles
        and manifest.parts.get(acceptance_set.FILE_NAME) == candidate.acceptance.sha256
        and {name: digest for name, digest in manifest.parts.items() if name in front_end.FILES}
        == {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}
    )


def _states_same_use(bundle: Bundle, candidate: Candidate) -> bool:
    """A release from before there were model cards has none, and boards are not to be given it anew for that."""
    if FACTS_FILE not in bundle.card or candidate.card is None:
        return True
    # As it stands there: a card of a later version may say more.
    stated = json.loads(bundle.card[FACTS_FILE])["stated"]
    return bool(stated == candidate.card.card.stated.model_dump(mode="json"))


def _id_of(release: ReleaseHistory) -> str:
    return release_id(release.version, release.image_hash)


def _is_named(release: ReleaseHistory, name: str) -> bool:
    is_hash = len(name) >= _SHORTEST_HASH and release.image_hash.startswith(name)
    return is_hash or name in (release.version, _id_of(release))


def _known(releases: list[ReleaseHistory], image_hash: str) -> ReleaseHistory:
    found = next((release for release in releases if release.image_hash == image_hash), None)
    if found is None:
        remedy = "build it in this workspace, or give the workspace that it was built in"
        raise TinyopsError(f"the store has no record of a release with the image {image_hash}", remedy=remedy)
    return found


def _no_step(release: ReleaseHistory, stage: Stage) -> Refused:
    name = _id_of(release)
    if release.revoked:
        remedy = "push its model again: that makes another release, above the floor"
        return Refused(f"{name} was revoked, {release.revoked.reason}, and cannot be {stage} any more", remedy=remedy)
    return Refused(f"{name} is {release.stage} and cannot be {stage} next", remedy="have staging accept it first")


def _is_open(release: ReleaseHistory) -> bool:
    return has_step(release.stages, "retired", is_revoked=False) is True


def _counter(folder: Path) -> int:
    """The security counter that an image states; whether it is damaged does not matter to whoever revokes it."""
    path = folder / IMAGE_FILE
    try:
        return parse_image(read_file(path, f"image {path}")).security_counter
    except ImageFormatError as error:
        remedy = "restore it from where it was built; a damaged bundle goes to no board"
        raise TinyopsError(f"{path} is no image: {error}", remedy=remedy) from None


def _lies_below(folder: Path, floor: int) -> bool:
    with suppress(TinyopsError):
        return _counter(folder) < floor
    return False


def _now() -> datetime:
    return datetime.now(timezone.utc)
