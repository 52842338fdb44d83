"""The boards of an inventory, one or a few at a time: power, sessions, and the keys that each trusts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, require_plain_path
from edge_deployer.inventory.bench import PROVISIONED, powered
from edge_deployer.inventory.inventory import BoardEntry, Inventory, board_profile, load_inventory
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.public_key import trusted_pem
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.keys import load_public_key, own_public_pem, signing_key
from edge_deployer.release.store import ReleaseStore
from edge_deployer.session import DeviceSession
from edge_deployer.transport.board_transport import open_transport


@dataclass(frozen=True)
class Bench:
    """An inventory with the workspace that its virtual boards, releases and logs are in."""

    inventory: Inventory
    workspace: Path

    @classmethod
    def load(cls, inventory: Path | None, workspace: Path) -> Bench:
        """Read an inventory file, see `load_inventory`; a workspace with a line break in its path is an error, too."""
        require_plain_path(workspace, "workspace")
        return cls(load_inventory(inventory), workspace)

    def entry(self, name: str) -> BoardEntry:
        """The board of that name.

        Raises:
            TinyopsError: the inventory has none.
        """
        found = next((board for board in self.inventory.boards if board.name == name), None)
        if found is None:
            names = ", ".join(board.name for board in self.inventory.boards)
            raise TinyopsError(f"the inventory has no board named {name!r}", remedy=f"name one of {names}")
        return found

    def entries(self, names: Sequence[str] | None) -> list[BoardEntry]:
        """The boards of these names, each once; all without names.

        Raises:
            TinyopsError: the inventory has no board of a name.
        """
        return [self.entry(name) for name in dict.fromkeys(names)] if names else list(self.inventory.boards)

    @property
    def releases(self) -> ReleaseStore:
        """The workspace's releases."""
        return ReleaseStore(self.workspace / "releases")

    def release_of(self, image_hash: bytes, entry: BoardEntry) -> Bundle | None:
        """The release whose image a board runs; None if the workspace has none that can be verified.

        Raises:
            TinyopsError: a part of it was altered, or a key's file cannot be read.
        """
        keys = self.trusted_keys(entry) or own_public_pem(self.workspace)
        return self.releases.find(image_hash.hex(), public_pem=keys) if keys else None

    @property
    def quarantine(self) -> Quarantine:
        """The workspace's boards that are not to be trusted."""
        return Quarantine(self._boards)

    def folder(self, entry: BoardEntry) -> Path:
        """Where a virtual board keeps its flash and its log."""
        return self._boards / entry.name

    def trusted_keys(self, entry: BoardEntry) -> bytes:
        """PEM blocks of the public keys that a board is known to trust; b"" if only the board itself knows.

        Raises:
            TinyopsError: a key's file cannot be read.
        """
        if self.inventory.public_key or not entry.virtual:
            return trusted_pem(self.inventory.public_key)
        provisioned = self.folder(entry) / PROVISIONED
        return load_public_key(provisioned) if exists(provisioned, f"public key {provisioned}") else self._first_keys()

    @asynccontextmanager
    async def power(self, entries: Sequence[BoardEntry]) -> AsyncIterator[dict[str, str]]:
        """Power up those of the boards that are virtual; yields the URL of each board, by name.

        Raises:
            TinyopsError: another command holds the virtual boards, or one does not start.
        """
        chosen = self.inventory.model_copy(update={"boards": tuple(entries)})
        keys = self._first_keys() if any(entry.virtual for entry in entries) else b""
        async with powered(chosen, self._boards, public_pem=keys) as urls:
            yield urls

    @asynccontextmanager
    async def session(self, entry: BoardEntry, url: str) -> AsyncIterator[DeviceSession]:
        """A session with a board that has power.

        A virtual board loses power when the command ends, and with it what it had on trial. So its image on trial is
        marked for the next start before that: it is on trial again in the next command, as on a board with power.

        Raises:
            SessionError: the board does not answer.
        """
        profile = board_profile(entry)
        async with DeviceSession(open_transport(url, profile)) as session:
            yield session
            if entry.virtual:
                await _keep_trial(session)

    @property
    def _boards(self) -> Path:
        return self.workspace / "boards"

    def _first_keys(self) -> bytes:
        """PEM blocks of the keys that a virtual board is given when it is powered for the first time."""
        return trusted_pem(self.inventory.public_key) or signing_key(self.workspace, None).public_pem


async def _keep_trial(session: DeviceSession) -> None:
    trial = next((image.hash for image in await session.images() if image.active and not image.confirmed), None)
    if trial is not None:
        await session.reset()
        await session.test(trial)
