"""A release bundle: a folder with the signed image and the other six parts of a machine-learning release.

====================================  =============================================
`IMAGE_FILE`                          the model, signed; its protected TLV is the manifest
`MANIFEST_FILE`                       the manifest again, for people and tools
`acceptance.npz`                      inputs, TFLM's outputs, labels or targets
`model_source.tar.gz`                 the code that builds and trains the model
`preprocessing_source.tar.gz`         the code that turns raw data into the model's input
`tests.tar.gz`                        the tests of that code
`environment.txt`                     every installed distribution with its version
====================================  =============================================

The manifest names each part's SHA-256, so the image's signature covers them all.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.release import acceptance_set
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.image import SignedImage, read_image, sign_image
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Manifest, Provenance

IMAGE_FILE = "image.bin"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Candidate:
    """A validated model and all that is released with it.

    Attributes:
        name: what the release is called.
        model: bytes of the ``.tflite`` file.
        acceptance: samples, with TFLM's outputs where it was there to compute them.
        arena_bytes: smallest arena the model runs in; None where nobody measured it.
        board_profile: the profile it was validated for.
        provenance: where it comes from.
        metrics: figures measured before the release, e.g. ``{"accuracy": 0.98}``.
        sources: archive file name to the source files that go in it; an archive of nobody's files is left out.
    """

    name: str
    model: bytes
    acceptance: AcceptanceSet
    arena_bytes: int | None
    board_profile: str
    provenance: Provenance
    metrics: dict[str, float]
    sources: dict[str, list[Path]]


@dataclass(frozen=True)
class Bundle:
    """A release on disk whose signature and parts have been verified."""

    folder: Path
    image: SignedImage
    manifest: Manifest
    acceptance: AcceptanceSet

    @property
    def release_id(self) -> str:
        """Version and the first 8 hex digits of the image hash: names the release in messages and folders."""
        return f"{self.manifest.version}-{self.image.hash.hex()[:8]}"


def write_bundle(candidate: Candidate, folder: Path, *, version: str, key: SigningKey) -> Bundle:
    """Sign a candidate and write its bundle to `folder`, which appears whole or not at all.

    Raises:
        TinyopsError: imgtool refuses to sign.
    """
    parts = {acceptance_set.FILE_NAME: candidate.acceptance.to_bytes(), "environment.txt": _environment()}
    parts |= {name: archive(files) for name, files in candidate.sources.items() if files}
    manifest = Manifest(
        name=candidate.name,
        version=version,
        model_sha256=hashlib.sha256(candidate.model).hexdigest(),
        model_bytes=len(candidate.model),
        arena_bytes=candidate.arena_bytes,
        board_profile=candidate.board_profile,
        provenance=candidate.provenance,
        task=candidate.acceptance.task.name if candidate.acceptance.task else None,
        metrics=candidate.metrics,
        parts={name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    )
    image = sign_image(candidate.model, version=version, manifest=manifest.to_cbor(), key=key)
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, data in parts.items():
        (unfinished / name).write_bytes(data)
    (unfinished / IMAGE_FILE).write_bytes(image.data)
    (unfinished / MANIFEST_FILE).write_text(json.dumps(manifest.model_dump(mode="json"), indent=2) + "\n")
    unfinished.rename(folder)
    return Bundle(folder, image, manifest, candidate.acceptance)


def read_bundle(folder: Path, *, public_pem: bytes) -> Bundle:
    """Read a bundle and verify it: the image's signature, then every part against the signed manifest.

    Raises:
        TinyopsError: a file is missing or altered, or the signature is not by this key.
    """
    image = read_image(_read_part(folder, IMAGE_FILE), public_pem=public_pem)
    manifest = Manifest.from_cbor(image.manifest)
    parts = {name: _read_part(folder, name) for name in manifest.parts}
    for name, digest in manifest.parts.items():
        if hashlib.sha256(parts[name]).hexdigest() != digest:
            raise TinyopsError(
                f"{folder / name} is not the file that was released: its SHA-256 differs from the signed manifest's",
                remedy="restore the bundle from where it was built, or release again",
            )
    return Bundle(folder, image, manifest, AcceptanceSet.from_bytes(parts[acceptance_set.FILE_NAME]))


def archive(files: list[Path]) -> bytes:
    """A ``.tar.gz`` of files by their names, with no times or owners in it: the same files give the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(files, key=lambda file: file.name):
            data = path.read_bytes()
            entry = tarfile.TarInfo(path.name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _environment() -> bytes:
    lines = {f"{found.metadata['Name'].lower()}=={found.version}" for found in metadata.distributions()}
    return ("\n".join(sorted(lines)) + "\n").encode()


def _read_part(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise TinyopsError(f"the release bundle {folder} has no {name}", remedy="release again") from None
