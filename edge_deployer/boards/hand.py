"""A board's slots in somebody's hands: the steps that change them, the same for a deployment and for a command.

Each step has one shape: the intent is noted with what was there before, then it is done, then the board says what is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from edge_deployer.boards.journal import Intent, Intention, Journal
from edge_deployer.session import DeviceSession, SessionError, SlotState

_RESETS_TO_REST = 2


class Hand:
    """Holds a board by its open session.

    Args:
        session: with the board.
        board: its name.
        journal: where intents and steps are noted.

    Attributes:
        slots: what the board said last of its slots; None if it was not asked, or did not answer.
        intended: what was intended with the board so far, in order.
    """

    def __init__(self, session: DeviceSession, board: str, journal: Journal) -> None:
        self.session, self.board, self.journal = session, board, journal
        self.slots: tuple[SlotState, ...] | None = None
        self.intended: list[Intention] = []
        self._is_silent = False

    @property
    def answered(self) -> str:
        """What the board said last of what it runs, in words."""
        if self.slots is None:
            return "does not answer" if self._is_silent else "was not asked"
        image = _active(self.slots)
        if image is None:
            return "has no image that boots"
        return f"runs {describe(image)}, {'confirmed' if image.confirmed else 'on trial'}"

    def note(self, action: str, detail: str) -> None:
        """Write down a step."""
        self.journal.note(self.board, action, detail)

    async def ask(self) -> tuple[SlotState, ...]:
        """What is in the slots."""
        try:
            self.slots = tuple(await self.session.images())
        except SessionError:
            self.slots, self._is_silent = None, True
            raise
        return self.slots

    async def running(self) -> SlotState | None:
        """The image that runs."""
        return _active(await self.ask())

    async def put_on_trial(self, image: bytes, image_hash: bytes, label: str, name: str) -> SlotState | None:
        """Upload an image and boot it unconfirmed: the next reset takes it back.

        What was done of that before is not done again: an image that is on trial runs on, and one that is on the board
        is not sent.

        Returns:
            The image that runs then.
        """
        slots = await self.ask()
        running = _active(slots)
        if running is not None and running.hash == image_hash and not running.confirmed:
            return running
        intent = self._intend("put on trial", image_hash)
        if not is_at_rest(slots):
            await self.come_to_rest()
        is_here = any(slot.hash == image_hash for slot in slots)
        await self._bring(
            intent, "install", image, f"{label}, {'which the spare slot holds already' if is_here else _size(image)}"
        )
        return await self.boot(image_hash, name)

    async def load(self, image: bytes, image_hash: bytes, label: str) -> None:
        """Bring an image into the spare slot, where it waits; a board that has it, or is not at rest, is left alone."""
        slots = await self.ask()
        if is_at_rest(slots) and all(slot.hash != image_hash for slot in slots):
            intent = self._intend("load", image_hash)
            await self._bring(intent, "load", image, f"{label}, {_size(image)}, to wait for its turn")

    async def _bring(self, intent: Intent, action: str, image: bytes, detail: str) -> None:
        self.note(action, detail)
        await self.session.install(image, partial(self.journal.progress, self.board, action))
        self.journal.settle(intent, await self.ask())

    async def boot(self, image_hash: bytes, name: str | None = None) -> SlotState | None:
        """Boot the image in the spare slot unconfirmed; returns the one that runs then. A name makes it a step."""
        intent = self._intend("boot", image_hash)
        await self.session.test(image_hash)
        if name:
            self.note("reset", f"boots {name} unconfirmed")
        await self.session.reset()
        self.journal.settle(intent, await self.ask())
        return _active(self.slots or ())

    async def confirm(self, image_hash: bytes, detail: str | None = None) -> None:
        """Keep the image that runs; a detail makes it a step."""
        intent = self._intend("confirm", image_hash)
        await self.session.confirm(image_hash)
        self.journal.settle(intent, await self.ask())
        if detail:
            self.note("confirm", detail)

    async def come_to_rest(self) -> None:
        """Reset until nothing is on trial: an image that waits boots once, and the reset after that takes it back.

        Raises:
            SessionError: the board does not come to rest.
        """
        for _ in range(_RESETS_TO_REST):
            if is_at_rest(await self.ask()):
                return
            intent = self._intend("take back", None)
            await self.session.reset()
            self.journal.settle(intent, await self.ask())
        if not is_at_rest(await self.ask()):
            raise SessionError(
                self.session.url,
                "an image is still on trial or waiting after every reset",
                remedy="read the board's slots with an SMP client and confirm or erase by hand",
            )

    def _intend(self, action: Intention, image_hash: bytes | None) -> Intent:
        intent = Intent(self.board, action, image_hash, self.slots or ())
        self.journal.intend(intent)
        self.intended.append(action)
        return intent


def is_at_rest(slots: Sequence[SlotState]) -> bool:
    """Whether the next reset changes nothing: the running image is confirmed, and none waits to be booted."""
    return all(image.confirmed for image in slots if image.active) and not any(image.pending for image in slots)


def describe(image: SlotState) -> str:
    """An image by version and the start of its hash."""
    return f"{image.version} ({image.hash.hex()[:8]})"


def _size(image: bytes) -> str:
    return f"{len(image):,} bytes"


def _active(slots: Sequence[SlotState]) -> SlotState | None:
    return next((image for image in slots if image.active), None)
