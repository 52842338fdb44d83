"""A release bundle: a folder with the signed image and the other parts of a machine-learning release.

====================================  =============================================
`IMAGE_FILE`                          the model, signed; its protected TLV is the manifest
`MANIFEST_FILE`                       the manifest again, for people and tools
`acceptance.npz`                      inputs, TFLM's outputs, labels or targets
`front_end.json`                      what makes features of raw samples, where something is said of it
`front_end_golden.npz`                raw samples with their features, where boards compute them
`model_card.json`, `model_card.html`  what the model is for and was measured to do; from before there were, neither
`model_source.tar.gz`                 the code that builds and trains the model
`preprocessing_source.tar.gz`         the code that turns raw data into the model's input
`tests.tar.gz`                        the tests of that code
`environment.txt`                     every installed distribution with its version
`public.pem`                          the key that verifies the image, for information: trust comes from another place
====================================  =============================================

The manifest names each part's SHA-256, so the image's signature covers them all.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file, write_file, writing
from edge_deployer.release import acceptance_set, model_card
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.front_end import FrontEndRecord
from edge_deployer.release.image import MANIFEST_TLV, DamagedImage, SignedImage, read_image, sign_image
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Manifest, Provenance
from edge_deployer.release.model_card import CardFiles
from edge_deployer.wire.mcuboot import ImageFormatError, parse_image

IMAGE_FILE = "image.bin"
MANIFEST_FILE = "manifest.json"
ENVIRONMENT_FILE: Final = "environment.txt"
PUBLIC_KEY_FILE: Final = "public.pem"
UNFINISHED: Final = ".unfinished"
"""After the name of a folder that is being written."""

_HASH_NAME: Final = re.compile("[0-9a-f]{64}")
_METADATA: Final = ("METADATA", "PKG-INFO", "")
"""Where a distribution's name and version are: of a wheel, of an egg's folder, of an egg's only file."""


class DamagedBundle(TinyopsError):
    """A part of a bundle is missing, or not what was signed."""


@dataclass(frozen=True)
class Candidate:
    """A validated model and all that is released with it."""

    name: str
    model: bytes  # Bytes of the ``.tflite`` file.
    acceptance: AcceptanceSet  # Samples, with TFLM's outputs where it was there to compute them.
    arena_bytes: int | None  # Smallest arena the model runs in; None where nobody measured it.
    board_profile: str  # The profile it was validated for.
    provenance: Provenance
    metrics: dict[str, float]  # Figures measured before the release, e.g. ``{"accuracy": 0.98}``.
    # Archive file name to the source files that go in it; an archive of nobody's files is left out.
    sources: dict[str, list[Path]]
    front_end: FrontEndRecord | None = None  # None where nothing is said of it.
    card: CardFiles | None = None  # The model card.
    # Names of the board profiles that it is for, at least one; None: of all that it fits.
    profiles: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Bundle:
    """A release on disk whose signature and parts have been verified."""

    folder: Path
    image: SignedImage
    manifest: Manifest
    acceptance: AcceptanceSet
    front_end: FrontEndRecord | None = None
    card: Mapping[str, bytes] = field(default_factory=dict)  # The files of the model card by name, where it has one.

    @property
    def release_id(self) -> str:
        """See `release_id`."""
        return release_id(self.manifest.version, self.image.hash.hex())

    @property
    def security_counter(self) -> int:
        """What the security floor of a store or a board is compared with; 0 where the image has none."""
        return parse_image(self.image.data).security_counter


def release_id(version: str, image_hash: str) -> str:
    """Version with build and the first 8 hex digits of the image hash: names a release in messages."""
    return f"{version}-{image_hash[:8]}"


def write_bundle(
    candidate: Candidate, folder: Path, *, version: str, key: SigningKey, security_counter: int = 0
) -> Bundle:
    """Sign a candidate and write its bundle to `folder`, which appears whole or not at all.

    Raises:
        TinyopsError: imgtool refuses to sign, or the folder cannot be written.
    """
    signed = _sign(candidate, version, key, security_counter)
    return _write(candidate, signed, folder)


def write_by_hash(
    candidate: Candidate, root: Path, *, version: str, key: SigningKey, security_counter: int = 0
) -> Bundle:
    """The same, to a folder in `root` that is named as the hex image hash."""
    signed = _sign(candidate, version, key, security_counter)
    return _write(candidate, signed, root / signed.image.hash.hex())


@dataclass(frozen=True)
class _Signed:
    image: SignedImage
    manifest: Manifest
    parts: dict[str, bytes]


def _sign(candidate: Candidate, version: str, key: SigningKey, security_counter: int) -> _Signed:
    parts = {acceptance_set.FILE_NAME: candidate.acceptance.to_bytes(), ENVIRONMENT_FILE: _environment()}
    parts[PUBLIC_KEY_FILE] = key.public_pem
    parts |= {name: archive(files) for name, files in candidate.sources.items() if files}
    parts |= candidate.front_end.parts() if candidate.front_end else {}
    parts |= candidate.card.parts() if candidate.card else {}
    manifest = Manifest(
        name=candidate.name,
        version=version,
        model_sha256=hashlib.sha256(candidate.model).hexdigest(),
        model_bytes=len(candidate.model),
        arena_bytes=candidate.arena_bytes,
        board_profile=candidate.board_profile,
        profiles=candidate.profiles,
        provenance=candidate.provenance,
        task=candidate.acceptance.task.name if candidate.acceptance.task else None,
        metrics=candidate.metrics,
        front_end=candidate.front_end.facts if candidate.front_end else None,
        parts={name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    )
    image = sign_image(
        candidate.model, version=version, manifest=manifest.to_cbor(), key=key, security_counter=security_counter
    )
    return _Signed(image, manifest, parts | {IMAGE_FILE: image.data, MANIFEST_FILE: manifest.to_json()})


def _write(candidate: Candidate, signed: _Signed, folder: Path) -> Bundle:
    unfinished = folder.with_name(f".{folder.name}{UNFINISHED}")
    shutil.rmtree(unfinished, ignore_errors=True)
    with writing(f"release {folder}", remedy="make the workspace writable"):
        unfinished.mkdir(parents=True)
        for name, data in signed.parts.items():
            write_file(unfinished / name, data, remedy="make the workspace writable")
        unfinished.rename(folder)
    return Bundle(folder, signed.image, signed.manifest, candidate.acceptance, candidate.front_end, _card(signed.parts))


def read_bundle(folder: Path, *, public_pem: bytes) -> Bundle:
    """Read a bundle and verify it: the image's signature, then every part against the signed manifest.

    Raises:
        DamagedBundle: a file is missing or altered.
        SignedByAnother: another key signed it.
        TinyopsError: a file cannot be read, or is of another version.
    """
    data = _read_part(folder, IMAGE_FILE)
    try:
        image = read_image(data, public_pem=public_pem)
    except DamagedImage as error:
        raise DamagedBundle(f"{folder / IMAGE_FILE}: {error.message}", remedy=error.remedy) from error
    if _HASH_NAME.fullmatch(folder.name) and folder.name != image.hash.hex():
        raise _altered(folder / IMAGE_FILE, f"it is the image {image.hash.hex()}, and its folder is another one's")
    manifest = Manifest.from_cbor(image.manifest)
    if not _states(_read_part(folder, MANIFEST_FILE), manifest):
        raise _altered(folder / MANIFEST_FILE, "it says something else than the manifest in the signed image")
    parts = {name: _read_part(folder, name) for name in manifest.parts}
    for name, digest in manifest.parts.items():
        if hashlib.sha256(parts[name]).hexdigest() != digest:
            raise _altered(folder / name, "its SHA-256 differs from the signed manifest's")
    acceptance = AcceptanceSet.from_bytes(parts[acceptance_set.FILE_NAME])
    front_end = FrontEndRecord.from_parts(parts) if manifest.front_end else None
    return Bundle(folder, image, manifest, acceptance, front_end, _card(parts))


def read_stated_manifest(folder: Path) -> Manifest | None:
    """The manifest in a bundle's image, whoever signed it; None where it is of another version.

    Raises:
        DamagedBundle: there is no image, or it is not what its own digest says.
        TinyopsError: it cannot be read.
    """
    try:
        image = parse_image(_read_part(folder, IMAGE_FILE))
        is_whole = image.digest == image.hash
    except ImageFormatError as error:
        raise _altered(folder / IMAGE_FILE, str(error)) from error
    if not is_whole:
        raise _altered(folder / IMAGE_FILE, "it has not the SHA-256 that it says")
    try:
        return Manifest.from_cbor(image.protected.get(MANIFEST_TLV, b""))
    except TinyopsError:
        return None


def archive(files: list[Path]) -> bytes:
    """A ``.tar.gz`` of files by their names, with no times or owners in it: the same files give the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(files, key=lambda file: file.name):
            data = read_file(path, f"source file {path}")
            entry = tarfile.TarInfo(path.name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _environment() -> bytes:
    # What is being installed or removed, or was not removed whole, has no name for a while.
    named = map(_name_and_version, metadata.distributions())
    lines = {f"{name.lower()}=={version}" for name, version in named if name}
    return ("\n".join(sorted(lines)) + "\n").encode()


def _name_and_version(distribution: metadata.Distribution) -> tuple[str | None, str | None]:
    """As `metadata` gives them, which parses the project's whole description as well, and that takes long."""
    text = next(filter(None, map(distribution.read_text, _METADATA)), "")
    headers = HeaderParser().parsestr(text.partition("\n\n")[0])
    return headers["Name"], headers["Version"]


def _read_part(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise DamagedBundle(f"the release bundle {folder} has no {name}", remedy="release again")
    return read_file(path, f"release part {path}")


def _card(parts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Not read: a card of a later version is no reason to refuse a release."""
    return {name: parts[name] for name in model_card.FILES if name in parts}


def _states(text: bytes, manifest: Manifest) -> bool:
    try:
        return Manifest.model_validate_json(text) == manifest
    except ValidationError:
        return False


def _altered(path: Path, why: str) -> DamagedBundle:
    remedy = "restore the bundle from where it was built, or release again"
    return DamagedBundle(f"{path} is not the file that was released: {why}", remedy=remedy)
