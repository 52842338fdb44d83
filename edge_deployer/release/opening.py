"""The releases of a workspace for people: what is there, and the one that they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, reading, require_plain_path
from edge_deployer.release.bundle import Bundle, read_bundle, read_stated_manifest
from edge_deployer.release.image import SignedByAnother
from edge_deployer.release.keys import load_public_key, own_public_pem
from edge_deployer.release.manifest import Manifest
from edge_deployer.release.store import RECORD_FILE, ReleaseStore


@dataclass(frozen=True)
class ListedRelease:
    """A folder of the store. Nothing of it is verified."""

    folder: Path
    release_id: str
    manifest: Manifest | None  # None where it is of another version, or damaged.
    damage: str | None  # What is wrong with its image.
    promoted: bool


def list_releases(workspace: Path) -> list[ListedRelease]:
    """All releases of a workspace, the newest build first.

    Raises:
        TinyopsError: the store cannot be read.
    """
    store = ReleaseStore(workspace / "releases")
    ids = {name.rpartition("-")[0]: name for name in store.ids().values()}
    folders = sorted(store.folders(), key=lambda folder: int(folder.name.rpartition("+")[2]), reverse=True)
    return [_listed(folder, ids.get(folder.name, folder.name)) for folder in folders]


def open_release(workspace: Path, name: str, public_key: Path | None) -> Bundle:
    """The release that a command names, verified.

    Args:
        workspace: its key verifies what is signed with no other.
        name: a release's folder; or, of one in the workspace, version and build, or its id.
        public_key: PEM file of the keys that verify it instead.

    Raises:
        TinyopsError: there is no such release, a part of it was altered, or another key signed it.
    """
    require_plain_path(workspace, "workspace")
    store = ReleaseStore(workspace / "releases")
    with reading(f"release {name}"):
        folder = Path(name) if Path(name).is_dir() else store.folder(name)
    if folder is None:
        known = ", ".join(store.names()) or "none"
        remedy = f"give the folder of a release, or one of the releases there: {known}"
        raise TinyopsError(f"{name} is neither a folder nor a release in {workspace}", remedy=remedy)
    try:
        return read_bundle(folder, public_pem=_public_pem(workspace, public_key))
    except SignedByAnother as error:
        message = f"release {folder} is not signed with {public_key or f'the key of {workspace}'}: {error.message}"
        raise TinyopsError(message, remedy=_NAME_KEY) from error


_NAME_KEY = "name the public half of the key that signed it: --public-key FILE"


def _public_pem(workspace: Path, public_key: Path | None) -> bytes:
    if public_key is not None:
        return load_public_key(public_key)
    own = own_public_pem(workspace)
    if not own:
        raise TinyopsError(f"{workspace} has no key to verify a release with", remedy=_NAME_KEY)
    return own


def _listed(folder: Path, release_id: str) -> ListedRelease:
    manifest, damage = None, None
    try:
        manifest = read_stated_manifest(folder)
    except TinyopsError as error:
        damage = error.message
    record = folder / RECORD_FILE
    return ListedRelease(folder, release_id, manifest, damage, exists(record, f"record {record}"))
