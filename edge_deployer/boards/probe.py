"""Asks boards what they run and how they are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from edge_deployer.boards.bench import Bench, HeldBoards
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.session import DeviceInfo, DeviceSession, Health, ModelFault, SessionError, SlotState


@dataclass(frozen=True)
class Probe:
    """What one board answered."""

    board: BoardEntry  # Its entry in the inventory.
    running: SlotState | None = None  # The running image; None if it has none.
    spare: SlotState | None = None  # The image in the other slot; None if that is empty.
    info: DeviceInfo | None = None  # The running model; None if it does not load.
    health: Health | None = None  # Reset reason, uptime, faults.
    problem: str | None = None  # Why it could not be asked, or why its model does not load.

    @property
    def reachable(self) -> bool:
        """Whether the board answered to the end."""
        return self.health is not None


async def probe_boards(bench: Bench, entries: Sequence[BoardEntry]) -> list[Probe]:
    """Ask all boards at once. A board that does not answer is an answer, too.

    Raises:
        Busy: somebody else holds one of them.
        TinyopsError: the virtual boards cannot be powered.
    """
    async with bench.hold(entries, "boards probe", changes=False) as held:
        return list(await asyncio.gather(*(_probe(held, entry) for entry in entries)))


async def _probe(held: HeldBoards, entry: BoardEntry) -> Probe:
    try:
        async with held.session(entry, stays_on_trial=True) as session:
            return await _ask(session, entry)
    except SessionError as error:
        return Probe(entry, problem=error.message)


async def _ask(session: DeviceSession, entry: BoardEntry) -> Probe:
    # Health first: the answer to `info` may load the model, and a model that crashes resets the board.
    health, images = await session.health(), await session.images()
    running = next((image for image in images if image.active), None)
    spare = next((image for image in images if not image.active), None)
    if running is None:
        return Probe(entry, None, spare, None, health, "it has no image that boots")
    try:
        info = await session.info()
    except ModelFault as fault:
        return Probe(entry, running, spare, None, health, fault.message)
    return Probe(entry, running, spare, info, health)
