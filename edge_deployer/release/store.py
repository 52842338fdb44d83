"""The release store: every bundle that was ever built here, a folder each."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge_deployer.files import DAMAGED, exists, move_aside, read_file, reading
from edge_deployer.release import acceptance_set, front_end
from edge_deployer.release.bundle import (
    IMAGE_FILE,
    Bundle,
    Candidate,
    DamagedBundle,
    read_bundle,
    read_stated_manifest,
    release_id,
    write_bundle,
)
from edge_deployer.release.image import SignedByAnother, is_signed
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.model_card import FACTS_FILE
from edge_deployer.task_name import TaskName
from edge_deployer.wire.mcuboot import ImageFormatError, parse_image

RECORD_FILE: Final = "deployment.json"
"""Beside a bundle that was promoted: the record of that."""

_FOLDER_NAME: Final = re.compile(rf"({DAMAGED})?[0-9]+\.[0-9]+\.[0-9]+\+(?P<build>[0-9]+)(?(1)(-[0-9]+)?)")


class ReleaseStore:
    """Bundles under one folder, named by version.

    A model that was released before, with the same name, version, acceptance set, front end, board profiles, stated use
    and key, is the same release: `release` gives back the bundle that is there, so that pushing again changes nothing
    on any board. What else its model card says follows from these, and from the plan that it was first held against.

    Attributes:
        set_aside: what was found damaged, a sentence for each bundle: its folder is another one since.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.set_aside: list[str] = []

    def release(self, candidate: Candidate, *, version: str, key: SigningKey) -> Bundle:
        """The bundle of a candidate: the one that is there, or a new one, whose version gets a build number.

        A bundle that is not what was signed is moved aside under a name with ``damaged-`` before it, and never deleted.

        Raises:
            TinyopsError: the store cannot be read or written.
        """
        for folder in sorted(self.folders(), key=_build_number, reverse=True):
            found = self._found(folder, candidate, version, key)
            if found is not None:
                return found
        build = 1 + max((_build_number(folder) for folder in _named_folders(self._root)), default=0)
        return write_bundle(candidate, self._root / f"{version}+{build}", version=f"{version}+{build}", key=key)

    def ids(self) -> dict[str, str]:
        """The releases that are there, by the hex hash of the image that each says it has; nothing is verified."""
        hashes = {folder: _image_hash(folder) for folder in self.folders()}
        return {image_hash: release_id(folder.name, image_hash) for folder, image_hash in hashes.items() if image_hash}

    def folders(self) -> list[Path]:
        """Those that are named as a release is, ``major.minor.revision+build``."""
        return [folder for folder in _named_folders(self._root) if not folder.name.startswith(DAMAGED)]

    def names(self) -> list[str]:
        """The releases that are there, by version and build."""
        return [folder.name for folder in self.folders()]

    def folder(self, name: str) -> Path | None:
        """The folder of a release, by version and build or by its id, which adds the hash; None if it is not here."""
        names = {name, name.rpartition("-")[0]}
        return next((folder for folder in self.folders() if folder.name in names), None)

    def find(self, image_hash: str, *, public_pem: bytes) -> Bundle | None:
        """The release with this image, hex; None if none that can be verified is here.

        Raises:
            TinyopsError: a part of it was altered, or cannot be read.
        """
        for folder in self._with_image(image_hash):
            image = folder / IMAGE_FILE
            if is_signed(read_file(image, f"image {image}"), public_pem):
                return read_bundle(folder, public_pem=public_pem)
        return None

    def promotion_records(self) -> list[Path]:
        """The records of promotions: only what was promoted has one beside it."""
        records = [folder / RECORD_FILE for folder in self.folders()]
        return [path for path in records if exists(path, f"record {path}")]

    def task_of(self, image_hash: str) -> TaskName | None:
        """The task of the release with this image, hex; None where it is not here, or does not say.

        The manifest in the image is believed: who can alter it can give another model as well.
        """
        folder = next(self._with_image(image_hash), None)
        with suppress(DamagedBundle):
            manifest = None if folder is None else read_stated_manifest(folder)
            return None if manifest is None else manifest.task
        return None

    def _found(self, folder: Path, candidate: Candidate, version: str, key: SigningKey) -> Bundle | None:
        """The candidate's bundle, if this folder has it and the key signed it."""
        try:
            manifest = read_stated_manifest(folder)
            if manifest is not None and _is_release_of(manifest, candidate, version):
                found = read_bundle(folder, public_pem=key.public_pem)
                return found if _states_same_use(found, candidate) else None
        except SignedByAnother:
            pass
        except DamagedBundle as damage:
            self.set_aside.append(move_aside(folder, damage, then="its model is released again"))
        return None

    def _with_image(self, image_hash: str) -> Iterator[Path]:
        """Those whose image says that it has this hash."""
        return (folder for folder in self.folders() if _image_hash(folder) == image_hash)


def _named_folders(root: Path) -> list[Path]:
    """Folders of releases, with those that were moved aside, whose build numbers are not given twice."""
    with reading(f"release store {root}"):
        found = sorted(root.iterdir()) if root.exists() else []
        return [folder for folder in found if _FOLDER_NAME.fullmatch(folder.name) and folder.is_dir()]


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


def _image_hash(folder: Path) -> str | None:
    try:
        return parse_image((folder / IMAGE_FILE).read_bytes()).hash.hex()
    except (OSError, ImageFormatError):
        return None


def _build_number(folder: Path) -> int:
    found = _FOLDER_NAME.fullmatch(folder.name)
    assert found is not None
    return int(found["build"])
