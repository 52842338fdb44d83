"""The release store: every bundle that was ever built here, a folder each."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from edge_deployer.errors import TinyopsError
from edge_deployer.release import acceptance_set
from edge_deployer.release.bundle import IMAGE_FILE, MANIFEST_FILE, Bundle, Candidate, read_bundle, write_bundle
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Manifest
from edge_deployer.task import TaskName
from edge_deployer.wire.mcuboot import ImageFormatError, parse_image


class ReleaseStore:
    """Bundles under one folder, named by version.

    A model that was released before, with the same name, version, acceptance set and key, is the same release:
    `release` gives back the bundle that is there, so that pushing again changes nothing on any board.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def release(self, candidate: Candidate, *, version: str, key: SigningKey) -> Bundle:
        """The bundle of a candidate: the one that is there, or a new one.

        Args:
            candidate: what to release.
            version: ``major.minor.revision``; the store adds the build number.
            key: signs a new release, and verifies one that is there.
        """
        folders = sorted(self._root.glob("[0-9]*/"), key=_build_number, reverse=True)
        for folder in folders:
            if self._is_release_of(folder, candidate, version):
                try:
                    return read_bundle(folder, public_pem=key.public_pem)
                except TinyopsError:
                    continue  # damaged, or signed with another key: it cannot serve as this release
        build = _build_number(folders[0]) + 1 if folders else 1
        return write_bundle(candidate, self._root / f"{version}+{build}", version=f"{version}+{build}", key=key)

    def task_of(self, image_hash: str) -> TaskName | None:
        """The task of the release with this image, hex; None where it is not here, or does not say.

        The manifest beside the image is believed: whoever can alter it can give another model as well.
        """
        folders = (file.parent for file in self._root.glob(f"[0-9]*/{IMAGE_FILE}"))
        return next((_task(folder) for folder in folders if _image_hash(folder) == image_hash), None)

    @staticmethod
    def _is_release_of(folder: Path, candidate: Candidate, version: str) -> bool:
        try:
            manifest = Manifest.model_validate_json((folder / MANIFEST_FILE).read_text())
        except (OSError, ValidationError):
            return False
        return (
            manifest.name == candidate.name
            and manifest.version.partition("+")[0] == version
            and manifest.model_sha256 == hashlib.sha256(candidate.model).hexdigest()
            and manifest.parts[acceptance_set.FILE_NAME] == candidate.acceptance.sha256
        )


def _image_hash(folder: Path) -> str | None:
    try:
        return parse_image((folder / IMAGE_FILE).read_bytes()).hash.hex()
    except (OSError, ImageFormatError):
        return None


def _task(folder: Path) -> TaskName | None:
    try:
        return Manifest.model_validate_json((folder / MANIFEST_FILE).read_text()).task
    except (OSError, ValidationError):
        return None


def _build_number(folder: Path) -> int:
    return int(folder.name.rpartition("+")[2])
