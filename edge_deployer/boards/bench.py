"""The boards of an inventory, one or a few at a time: leases, power, sessions, and the keys that each trusts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_deployer.boards.journal import Journal
from edge_deployer.boards.revival import revived
from edge_deployer.boards.trail import Trail, unfinished_rollout
from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, require_plain_path
from edge_deployer.inventory.bench import PROVISIONED, powered
from edge_deployer.inventory.inventory import BoardEntry, Inventory, board_profile, load_inventory
from edge_deployer.inventory.leases import NONE, Busy, Leases, Patience, Tenure
from edge_deployer.inventory.power import PowerSupply, supply_of
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.public_key import trusted_pem
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.keys import load_public_key, own_public_pem, signing_key
from edge_deployer.release.store import ReleaseStore
from edge_deployer.session import DeviceSession, Fenced
from edge_deployer.transport.board_transport import open_transport

VIRTUAL_BOARDS: Final = "the virtual boards"
"""Held beside the boards themselves where some are virtual: one process at a time powers those of a workspace."""


@dataclass(frozen=True)
class Bench:
    """An inventory with the workspace that its virtual boards, releases, leases and logs are in."""

    inventory: Inventory
    workspace: Path
    patience: Patience = NONE  # How long to wait for boards that somebody else holds.
    take_over: bool = False  # Whether a board is taken whose epoch another workspace has raised.
    # The key that virtual boards are given where the inventory names none; None: the workspace's own.
    first_key: bytes | None = None

    @classmethod
    def load(
        cls, inventory: Path | None, workspace: Path, patience: Patience = NONE, *, take_over: bool = False
    ) -> Bench:
        """Read an inventory file, see `load_inventory`; a workspace with a line break in its path is an error, too."""
        require_plain_path(workspace, "workspace")
        return cls(load_inventory(inventory), workspace, patience, take_over)

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

    def release(self, image_hash: str) -> Bundle | None:
        """The release with a hex image hash, verified with a key that one of the boards trusts; None without one.

        Raises:
            TinyopsError: a part of it was altered, or a key's file cannot be read.
        """
        own, boards = own_public_pem(self.workspace), self.inventory.boards
        trusted = dict.fromkeys(self.trusted_keys(entry) or own for entry in boards)
        found = (self.releases.find(image_hash, public_pem=keys) for keys in trusted if keys)
        return next((bundle for bundle in found if bundle is not None), None)

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
    async def hold(
        self, entries: Sequence[BoardEntry], purpose: str, *, changes: bool = True, settles: bool = False
    ) -> AsyncIterator[HeldBoards]:
        """Hold boards, and power up those that are virtual, while the block lasts.

        Args:
            entries: the boards.
            purpose: what for, in words for others.
            changes: whether their slots may be changed.
            settles: whether they are held by who sees to an unfinished rollout.

        Raises:
            Busy: somebody else holds one of them, or an unfinished rollout has it.
            TinyopsError: a virtual board does not start, or a file of the workspace cannot be used.
        """
        names = [entry.name for entry in entries]
        virtual = [VIRTUAL_BOARDS] if any(entry.virtual for entry in entries) else []
        leases = self.leases
        async with leases.held([*names, *virtual], purpose, self.patience) as tenure:
            if changes and not settles:
                self._require_no_rollout(names)
            chosen = self.inventory.model_copy(update={"boards": tuple(entries)})
            keys = self._first_keys() if virtual else b""
            async with powered(chosen, self._boards, public_pem=keys) as urls:
                yield HeldBoards(self, leases, tenure, urls)

    @property
    def leases(self) -> Leases:
        """The workspace's leases."""
        return Leases(self.fleet)

    @property
    def fleet(self) -> Path:
        """Folder of what is known of the boards: leases and the trail."""
        return self.workspace / "fleet"

    def _require_no_rollout(self, names: Sequence[str]) -> None:
        trail = Trail(self.fleet)
        with closing(trail):
            found = unfinished_rollout(trail)
        if found is None:
            return
        rollout, boards = found
        taken = [name for name in names if name in boards]
        if taken:
            raise Busy(
                f"{', '.join(taken)}: rollout {rollout} has not ended",
                remedy=f"finish it with `tinyops rollout resume {rollout}`, or take it back with "
                f"`tinyops rollout abort {rollout}`",
            )

    @property
    def _boards(self) -> Path:
        return self.workspace / "boards"

    def _first_keys(self) -> bytes:
        """PEM blocks of the keys that a virtual board is given when it is powered for the first time."""
        return trusted_pem(self.inventory.public_key) or self.first_key or signing_key(self.workspace, None).public_pem


class HeldBoards:
    """Boards that are held: the way to each.

    Args:
        bench: theirs.
        leases: of the workspace.
        tenure: for which they are held.
        urls: of each board, by name.
    """

    def __init__(self, bench: Bench, leases: Leases, tenure: Tenure, urls: Mapping[str, str]) -> None:
        self._leases = leases
        self._bench, self._tenure, self._urls = bench, tenure, urls
        self._asked: set[str] = set()  # Boards that may hold the epoch of this tenure.

    def require(self) -> None:
        """To be called before a board is changed.

        Raises:
            Busy: a lease has run out.
        """
        self._tenure.require()

    def supply(self, entry: BoardEntry) -> PowerSupply | None:
        """What switches a board's power; None where nothing can."""
        return self._bench.supply(entry)

    @asynccontextmanager
    async def session(
        self, entry: BoardEntry, journal: Journal | None = None, *, stays_on_trial: bool = False
    ) -> AsyncIterator[DeviceSession]:
        """A session with a board, claimed with the lease's token.

        With a journal, a board that does not answer gets its power cycled, see `revived`. A command that only looks
        gives none: what is on trial would be taken back.

        A virtual board loses power when the command ends, and with it what it had on trial. Where it is to stay there,
        its image is marked for the next start: it is on trial again in the next command, as on a board with power.

        Raises:
            SessionError: the board does not answer, or holds a newer epoch (`Fenced`).
        """
        async with AsyncExitStack() as opened:

            async def reach() -> DeviceSession:
                return await self._claimed(entry, opened)

            supply = self.supply(entry)
            session = await (revived(reach, entry.name, supply, journal) if journal else reach())
            yield session
            if entry.virtual and stays_on_trial:
                await _keep_trial(session)

    async def _claimed(self, entry: BoardEntry, opened: AsyncExitStack) -> DeviceSession:
        leases, token = self._leases, self._tenure.tokens[entry.name]
        held = leases.elsewhere(entry.name)
        if self._bench.take_over:
            return await self._taken_over(entry, opened, held)
        if held is not None:
            raise Fenced(self._urls[entry.name], held=held, own=token)
        try:
            return await opened.enter_async_context(self._open(entry))
        except Fenced as fenced:
            if fenced.held is not None:
                leases.note_elsewhere(entry.name, fenced.held)
            raise

    async def _taken_over(self, entry: BoardEntry, opened: AsyncExitStack, held: int | None) -> DeviceSession:
        leases = self._leases
        try:
            session = await opened.enter_async_context(self._open(entry))
        except Fenced as fenced:
            if fenced.held is None:
                raise
            leases.raise_above(self._tenure, entry.name, fenced.held)
            session = await opened.enter_async_context(self._open(entry))
        if held is not None:
            leases.forget_elsewhere(entry.name)
        return session

    def _open(self, entry: BoardEntry) -> DeviceSession:
        transport = open_transport(self._urls[entry.name], board_profile(entry))
        # Another workspace counts its own epochs, and may have come as far.
        is_new = entry.name not in self._asked
        self._asked.add(entry.name)
        return DeviceSession(transport, epoch=self._tenure.tokens[entry.name], epoch_is_new=is_new)


async def _keep_trial(session: DeviceSession) -> None:
    trial = next((image.hash for image in await session.images() if image.active and not image.confirmed), None)
    if trial is not None:
        await session.reset()
        await session.test(trial)
