"""What one release changes against another: codes and figures, no sentences."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file
from edge_deployer.release import acceptance_set
from edge_deployer.release.bundle import ENVIRONMENT_FILE, Bundle
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.release.manifest import Manifest

_ARCHIVE_END = ".tar.gz"
_LARGEST_ARCHIVE = 1 << 28
"""Bytes of all files of an archive together."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReleaseName(_Facts):
    """One of the two releases."""

    release_id: str
    image_hash: str = Field(description="hex")


class TextChange(_Facts):
    """A fact in words; None where a release does not say."""

    before: str | None
    after: str | None


class SizeChange(_Facts):
    """Bytes; None where nobody measured them."""

    before: int | None
    after: int | None


class FigureChange(_Facts):
    """A figure that was measured before the release; None where it was not."""

    before: float | None
    after: float | None


class FileChange(_Facts):
    """A file in one of the archives of a bundle."""

    archive: str
    name: str
    change: Literal["added", "removed", "changed"]


class ReleaseDifference(_Facts):
    """What a release changes. What is the same in both stands in `metrics` and `sizes` alone."""

    release: ReleaseName
    against: ReleaseName
    model_changed: bool
    acceptance_set_changed: bool
    facts: dict[str, TextChange] = Field(description="what they say otherwise: data, commit, run, task and the like")
    metrics: dict[str, FigureChange]
    sizes: dict[str, SizeChange] = Field(description="of model, image and arena")
    files: list[FileChange]
    packages: dict[str, TextChange] = Field(description="versions of the environment's distributions")


def difference(release: Bundle, against: Bundle) -> ReleaseDifference:
    """What a release changes against another.

    Raises:
        TinyopsError: a part of one of them cannot be read.
    """
    new, old = release.manifest, against.manifest
    return ReleaseDifference(
        release=_name(release),
        against=_name(against),
        model_changed=new.model_sha256 != old.model_sha256,
        acceptance_set_changed=new.parts[acceptance_set.FILE_NAME] != old.parts[acceptance_set.FILE_NAME],
        facts=_changed(_facts(against), _facts(release)),
        metrics={
            name: FigureChange(before=old.metrics.get(name), after=new.metrics.get(name))
            for name in {**new.metrics, **old.metrics}
        },
        sizes={
            "model": SizeChange(before=old.model_bytes, after=new.model_bytes),
            "image": SizeChange(before=len(against.image.data), after=len(release.image.data)),
            "arena": SizeChange(before=old.arena_bytes, after=new.arena_bytes),
        },
        files=_files(against, release),
        packages=_changed(_packages(against), _packages(release)),
    )


def _name(bundle: Bundle) -> ReleaseName:
    return ReleaseName(release_id=bundle.release_id, image_hash=bundle.image.hash.hex())


def _facts(bundle: Bundle) -> dict[str, str]:
    manifest, origin = bundle.manifest, bundle.manifest.provenance
    found = {
        "name": manifest.name,
        "data": origin.data_fingerprint,
        "commit": _commit(manifest),
        "run": origin.run_id,
        "task": manifest.task,
        "board profile": manifest.board_profile,
        "front end": _front_end(manifest.front_end),
        "security counter": str(bundle.security_counter),
    }
    return {name: fact for name, fact in found.items() if fact is not None}


def _commit(manifest: Manifest) -> str | None:
    commit = manifest.provenance.git_commit
    return f"{commit} with changes" if commit and manifest.provenance.git_dirty else commit


def _front_end(facts: FrontEndFacts | None) -> str | None:
    """All of it: two front ends of one name and version differ in their parameters."""
    if facts is None:
        return None
    place = "on the board" if facts.on_board else "on the host"
    return f"{facts.name} {facts.version} {place}, {json.dumps(facts.parameters, sort_keys=True)}"


def _packages(bundle: Bundle) -> dict[str, str]:
    path = bundle.folder / ENVIRONMENT_FILE
    lines = read_file(path, f"release part {path}").decode(errors="replace").splitlines()
    return {name: version for name, _, version in (line.partition("==") for line in lines) if version}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, TextChange]:
    return {
        name: TextChange(before=before.get(name), after=after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def _files(before: Bundle, after: Bundle) -> list[FileChange]:
    """Archives whose digest is the same are not opened."""
    found = []
    for archive in sorted({**before.manifest.parts, **after.manifest.parts}):
        is_same = before.manifest.parts.get(archive) == after.manifest.parts.get(archive)
        if not archive.endswith(_ARCHIVE_END) or is_same:
            continue
        old, new = _contents(before, archive), _contents(after, archive)
        found += [
            FileChange(archive=archive, name=name, change=_kind(name in old, name in new))
            for name in sorted({**old, **new})
            if old.get(name) != new.get(name)
        ]
    return found


def _kind(was_there: bool, is_there: bool) -> Literal["added", "removed", "changed"]:
    if was_there and is_there:
        return "changed"
    return "added" if is_there else "removed"


def _contents(bundle: Bundle, archive: str) -> dict[str, str]:
    """SHA-256 of each file of an archive, by name; nothing is unpacked. Empty where the release has no such archive."""
    if archive not in bundle.manifest.parts:
        return {}
    path = bundle.folder / archive
    what = f"release part {path}"
    data = read_file(path, what)
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            plain = packed.read(_LARGEST_ARCHIVE + 1)
        if len(plain) > _LARGEST_ARCHIVE:
            raise TinyopsError(f"{what} holds more than {_LARGEST_ARCHIVE:,} bytes", remedy="release less source")
        with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
            return {
                entry.name: hashlib.sha256(file.read()).hexdigest() for entry in tar if (file := tar.extractfile(entry))
            }
    except (OSError, EOFError, tarfile.TarError) as error:
        raise TinyopsError(f"{what} cannot be read: {error}", remedy="restore it from where it was built") from None
