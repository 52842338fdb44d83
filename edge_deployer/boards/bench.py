"""The boards of an inventory, one or a few at a time: power, sessions, and the key that each trusts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.boards.journal import Journal
from edge_deployer.boards.revival import revived
from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, require_plain_path
from edge_deployer.inventory.bench import powered
from edge_deployer.inventory.inventory import BoardEntry, Inventory, board_profile, load_inventory
from edge_deployer.inventory.power import PowerSupply, supply_of
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.keys import load_or_create_signing_key, load_public_key, load_signing_key
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
        own = self.workspace / "keys" / "signing.pem"
        has_own = exists(own, f"signing key {own}")
        key = self.trusted_key(entry) or (load_signing_key(own).public_pem if has_own else None)
        return self.releases.find(image_hash.hex(), public_pem=key) if key else None

    @property
    def quarantine(self) -> Quarantine:
        """The workspace's boards that are not to be trusted."""
        return Quarantine(self._boards)

    def folder(self, entry: BoardEntry) -> Path:
        """Where a virtual board keeps its flash and its log."""
        return self._boards / entry.name

    def supply(self, entry: BoardEntry) -> PowerSupply | None:
        """What switches a board's power; None where nothing can."""
        return supply_of(entry, self._boards)

    def trusted_key(self, entry: BoardEntry) -> bytes | None:
        """PEM of the public key that a board is known to trust; None if only the board itself knows.

        Raises:
            TinyopsError: the key's file cannot be read.
        """
        if entry.virtual:
            provisioned = self.folder(entry) / "public.pem"
            return (
                load_public_key(provisioned) if exists(provisioned, f"public key {provisioned}") else self._first_key()
            )
        return load_public_key(self.inventory.public_key) if self.inventory.public_key else None

    @asynccontextmanager
    async def power(self, entries: Sequence[BoardEntry]) -> AsyncIterator[dict[str, str]]:
        """Power up those of the boards that are virtual; yields the URL of each board, by name.

        Raises:
            TinyopsError: another command holds the virtual boards, or one does not start.
        """
        chosen = self.inventory.model_copy(update={"boards": tuple(entries)})
        key = self._first_key() if any(entry.virtual for entry in entries) else b""
        async with powered(chosen, self._boards, public_pem=key) as urls:
            yield urls

    @asynccontextmanager
    async def session(
        self, entry: BoardEntry, url: str, journal: Journal | None = None
    ) -> AsyncIterator[DeviceSession]:
        """A session with a board that has power.

        With a journal, a board that does not answer gets its power cycled, see `revived`. A command that only looks
        gives none: what is on trial would be taken back.

        A virtual board loses power when the command ends, and with it what it had on trial. So its image on trial is
        marked for the next start before that: it is on trial again in the next command, as on a board with power.

        Raises:
            SessionError: the board does not answer.
        """
        async with AsyncExitStack() as opened:

            async def reach() -> DeviceSession:
                return await opened.enter_async_context(DeviceSession(open_transport(url, board_profile(entry))))

            session = await (revived(reach, entry.name, self.supply(entry), journal) if journal else reach())
            yield session
            if entry.virtual:
                await _keep_trial(session)

    @property
    def _boards(self) -> Path:
        return self.workspace / "boards"

    def _first_key(self) -> bytes:
        """PEM of the key that a virtual board is given when it is powered for the first time."""
        if self.inventory.public_key:
            return load_public_key(self.inventory.public_key)
        return load_or_create_signing_key(self.workspace / "keys" / "signing.pem").public_pem


async def _keep_trial(session: DeviceSession) -> None:
    trial = next((image.hash for image in await session.images() if image.active and not image.confirmed), None)
    if trial is not None:
        await session.reset()
        await session.test(trial)
