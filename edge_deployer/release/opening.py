"""The releases of a workspace for people: what is there, and the one that they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, reading, require_plain_path
from edge_deployer.release.bundle import PUBLIC_KEY_FILE, Bundle, read_bundle, read_stated_manifest, release_id
from edge_deployer.release.image import SignedByAnother
from edge_deployer.release.keys import load_public_key, own_public_pem
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.stages import ReleaseHistory
from edge_deployer.release.store import ReleaseStore, size_of

Trust = Literal["given", "workspace", "own"]
"""The key that verified a release: one that somebody named, the workspace's, or the one that the bundle itself brings,
which shows that it is whole, and nothing of who signed it."""


@dataclass(frozen=True)
class ListedRelease:
    """A folder of the store. Nothing of it is verified."""

    folder: Path
    release_id: str
    history: ReleaseHistory
    manifest: Manifest | None  # None where it is of another version, or damaged.
    damage: str | None  # What is wrong with its image.
    size: int  # Bytes of its files.
    is_below_floor: bool


@dataclass(frozen=True)
class Standing:
    """What the workspace's store says of a release; None of a bundle that is not in it."""

    history: ReleaseHistory
    replaced: list[str]  # Hex image hashes, newest first, see `ReleaseStore.lineage`.
    floor: int


@dataclass(frozen=True)
class Verified:
    """A release whose signature and parts were verified."""

    bundle: Bundle
    trust: Trust
    public_pem: bytes  # The key that verified it.


def store_of(workspace: Path) -> ReleaseStore:
    """The workspace's releases.

    Raises:
        TinyopsError: they cannot be read, or the workspace's path cannot be printed.
    """
    require_plain_path(workspace, "workspace")
    return ReleaseStore(workspace / "releases")


def list_releases(store: ReleaseStore) -> list[ListedRelease]:
    """All releases of a store, the newest build first.

    Raises:
        TinyopsError: the store cannot be read.
    """
    return [_listed(store, release) for release in reversed(store.releases())]


def standing_of(workspace: Path, bundle: Bundle) -> Standing | None:
    """Where a release stands in the workspace; None where the workspace has no record of it.

    Raises:
        TinyopsError: the store cannot be read.
    """
    store, image_hash = store_of(workspace), bundle.image.hash.hex()
    history = store.history(image_hash)
    return None if history is None else Standing(history, store.lineage(image_hash), store.floor)


def against(workspace: Path, bundle: Bundle) -> str:
    """The release that another is compared with where nobody names one: the one that it replaced, or production's.

    Raises:
        TinyopsError: there is no such release, or there are several.
    """
    store, image_hash = store_of(workspace), bundle.image.hash.hex()
    there = store.ids()
    replaced = [found for found in store.lineage(image_hash)[:1] if found in there]
    found = replaced or [other for other in store.in_production() if other in there and other != image_hash]
    if len(found) == 1:
        return found[0]
    why = f"{len(found)} releases are in production" if found else "it replaced none that is here, and none is there"
    message = f"nothing says what {bundle.release_id} is to be compared with: {why}"
    raise TinyopsError(message, remedy="name the other release, too: tinyops releases diff RELEASE OTHER")


def open_release(workspace: Path, name: str, public_key: Path | None) -> Bundle:
    """The release that a command names, verified with a key that is trusted.

    Args:
        workspace: its key verifies what is signed with no other.
        name: a release's folder; or, of one in the workspace, version and build, its id, or its image hash.
        public_key: PEM file of the keys that verify it instead.

    Raises:
        TinyopsError: there is no such release, a part of it was altered, or another key signed it.
    """
    folder = _folder(workspace, name)
    public_pem = load_public_key(public_key) if public_key else _own_key(workspace)
    if public_pem is None:
        raise TinyopsError(f"{workspace} has no key to verify a release with", remedy=_NAME_KEY)
    return _read(folder, public_pem, str(public_key or f"the key of {workspace}"))


def verify_release(workspace: Path, name: str, public_key: Path | None) -> Verified:
    """The same; where no key is given and the workspace has none, by the key that the bundle itself brings.

    Raises:
        TinyopsError: as of `open_release`, and where the bundle brings no key either.
    """
    folder = _folder(workspace, name)
    if public_key is not None:
        pem = load_public_key(public_key)
        return Verified(_read(folder, pem, str(public_key)), "given", pem)
    own = _own_key(workspace)
    if own is not None:
        return Verified(_read(folder, own, f"the key of {workspace}"), "workspace", own)
    brought = folder / PUBLIC_KEY_FILE
    if not exists(brought, f"public key {brought}"):
        message = f"{workspace} has no key to verify a release with, and {folder} was built before bundles brought one"
        raise TinyopsError(message, remedy=_NAME_KEY)
    pem = load_public_key(brought)
    return Verified(_read(folder, pem, str(brought)), "own", pem)


_NAME_KEY = "name the public half of the key that signed it: --public-key FILE"


def _folder(workspace: Path, name: str) -> Path:
    with reading(f"release {name}"):
        if Path(name).is_dir():
            require_plain_path(workspace, "workspace")
            return Path(name)
    store = store_of(workspace)
    with reading(f"release {name}"):
        folder = store.folder(name)
    if folder is None:
        known = ", ".join(store.names()) or "none"
        remedy = f"give the folder of a release, or one of the releases there: {known}"
        raise TinyopsError(f"{name} is neither a folder nor a release in {workspace}", remedy=remedy)
    return folder


def _read(folder: Path, public_pem: bytes, key: str) -> Bundle:
    try:
        return read_bundle(folder, public_pem=public_pem)
    except SignedByAnother as error:
        message = f"release {folder} is not signed with {key}: {error.message}"
        raise TinyopsError(message, remedy=_NAME_KEY) from error


def _own_key(workspace: Path) -> bytes | None:
    return own_public_pem(workspace) or None


def _listed(store: ReleaseStore, release: ReleaseHistory) -> ListedRelease:
    folder, manifest, damage = store.path(release.image_hash), None, None
    try:
        manifest = read_stated_manifest(folder)
    except TinyopsError as error:
        damage = error.message
    name = release_id(release.version, release.image_hash)
    return ListedRelease(folder, name, release, manifest, damage, size_of(folder), store.lies_below_floor(folder))
