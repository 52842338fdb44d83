"""What `tinyops boards` changes on one board: install, confirm, revert."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.journal import Journal, Watcher
from edge_deployer.boards.log import BoardLog
from edge_deployer.boards.offered_image import OfferedImage, Refused, find_image
from edge_deployer.boards.proof import prove
from edge_deployer.boards.rest import come_to_rest, is_at_rest
from edge_deployer.ending import CutShort, uncut
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.session import DeviceSession, ModelFault, SessionError, SlotState

_Result = Literal["on trial", "confirmed", "reverted", "unchanged", "refused"]


@dataclass(frozen=True)
class Outcome:
    """How a command ended for its board.

    Attributes:
        board: its name.
        result: what became of it.
        detail: the same in a sentence.
        remedy: what to do next, where there is something.
        running: the image that runs now; None if none does, or the board was not touched.
    """

    board: str
    result: _Result
    detail: str
    remedy: str | None = None
    running: SlotState | None = None

    @property
    def refused(self) -> bool:
        """Whether the command did not do what it was asked to."""
        return self.result == "refused"


@dataclass
class Hand:
    """A board in the hands of a command: its session, and where its steps are noted.

    Attributes:
        answered: what the board said last of what it runs, in words.
    """

    session: DeviceSession
    entry: BoardEntry
    bench: Bench
    journal: Journal
    answered: str = field(default="was not asked", init=False)

    def note(self, action: str, detail: str) -> None:
        """Write down a step."""
        self.journal.note(self.entry.name, action, detail)

    async def running(self) -> SlotState | None:
        """The image that runs."""
        try:
            image = next((image for image in await self.session.images() if image.active), None)
        except SessionError:
            self.answered = "does not answer"
            raise
        kept = "" if image is None else ", confirmed" if image.confirmed else ", on trial"
        self.answered = f"runs {describe(image)}{kept}" if image else "has no image that boots"
        return image

    async def outcome(self, result: _Result, detail: str, remedy: str | None = None) -> Outcome:
        """How it ended, with what the board runs now."""
        return Outcome(self.entry.name, result, detail, remedy, await self.running())


class Action(Protocol):
    """Something to do to one board."""

    def prepare(self, bench: Bench, entry: BoardEntry) -> Callable[[Hand], Awaitable[Outcome]]:
        """All that can be done, and refused, before the board is touched; returns the rest.

        Raises:
            TinyopsError: something that was named is wrong.
            Refused: it is not to be done.
        """


@dataclass(frozen=True)
class Install:
    """Put an image on trial.

    Attributes:
        image: the file, folder or release id that was named.
    """

    image: str

    def prepare(self, bench: Bench, entry: BoardEntry) -> Callable[[Hand], Awaitable[Outcome]]:
        """See `Action`."""
        return partial(_install, offered=find_image(self.image, bench, entry))


@dataclass(frozen=True)
class Confirm:
    """Keep the image that is on trial."""

    def prepare(self, bench: Bench, entry: BoardEntry) -> Callable[[Hand], Awaitable[Outcome]]:  # noqa: ARG002
        """See `Action`."""
        return _confirm


@dataclass(frozen=True)
class Revert:
    """Go back to the earlier image."""

    def prepare(self, bench: Bench, entry: BoardEntry) -> Callable[[Hand], Awaitable[Outcome]]:  # noqa: ARG002
        """See `Action`."""
        return _revert


async def perform(action: Action, bench: Bench, entry: BoardEntry, watcher: Watcher) -> Outcome:
    """Do it, keeping the board's log. A refusal is an outcome, not an error.

    Raises:
        TinyopsError: something that was named is wrong, or the board does not answer.
        CutShort: it was cancelled. What was on trial only since then is taken back, and what the board runs is said.
    """
    try:
        work = action.prepare(bench, entry)
    except Refused as refusal:
        return Outcome(entry.name, "refused", refusal.reason, refusal.remedy)
    journal = Journal(BoardLog(bench.workspace, watcher))
    async with bench.power((entry,)) as urls, bench.session(entry, urls[entry.name]) as session:
        hand = Hand(session, entry, bench, journal)
        try:
            return await work(hand)
        except Refused as refusal:
            hand.note("refused", refusal.reason)
            return await hand.outcome("refused", refusal.reason, refusal.remedy)
        except asyncio.CancelledError:
            raise CutShort(f"{entry.name} {hand.answered}") from None


async def _install(hand: Hand, offered: OfferedImage) -> Outcome:
    name, wanted = hand.entry.name, offered.image.hash
    after_trial = f"try it, then `tinyops boards confirm {name}` or `tinyops boards revert {name}`"
    running = await hand.running()
    if running and running.hash == wanted:
        if running.confirmed:
            return await hand.outcome("unchanged", f"{name} runs {describe(running)} already")
        return await hand.outcome("on trial", f"{name} has {describe(running)} on trial already", after_trial)
    if not is_at_rest(await hand.session.images()):
        raise Refused(
            "another image is on trial, or waits to be booted",
            f"settle that first: `tinyops boards confirm {name}` or `tinyops boards revert {name}`",
        )
    hand.note("install", f"{offered.label}, version {offered.image.version}, {len(offered.data):,} bytes")
    await hand.session.install(offered.data, partial(hand.journal.progress, name, "install"))
    await _boot(hand, wanted)
    try:
        await _see_that_it_runs(hand, wanted)
    except (Refused, SessionError, asyncio.CancelledError):
        await _take_back(hand)
        raise
    return await hand.outcome("on trial", f"{name} runs {offered.image.version} on trial, unconfirmed", after_trial)


async def _confirm(hand: Hand) -> Outcome:
    name, running = hand.entry.name, await hand.running()
    if running is None:
        raise Refused("the board runs no image", f"install one: `tinyops boards install {name} IMAGE_OR_RELEASE`")
    if running.confirmed:
        return await hand.outcome("unchanged", f"{name} has {describe(running)} confirmed already")
    seen = await prove(hand.session, hand.bench, hand.entry, running.hash)
    await hand.session.confirm(running.hash)
    hand.note("confirm", f"{describe(running)}: {seen}")
    return await hand.outcome("confirmed", f"{name} keeps {describe(running)}: {seen}")


async def _revert(hand: Hand) -> Outcome:
    images = await hand.session.images()
    if not is_at_rest(images):
        await _take_back(hand)
        running = await hand.running()
        what = f"runs {describe(running)}" if running else "has no image that boots"
        return await hand.outcome("reverted", f"what was on trial is taken back: {hand.entry.name} {what}")
    spare = next((image for image in images if not image.active), None)
    if spare is None:
        raise Refused(
            "nothing is on trial, and the spare slot holds no image to go back to",
            f"install the image that you want: `tinyops boards install {hand.entry.name} IMAGE_OR_RELEASE`",
        )
    await _boot(hand, spare.hash)
    try:
        await _see_that_it_boots(hand, spare.hash)
        seen = await prove(hand.session, hand.bench, hand.entry, spare.hash)
        await hand.session.confirm(spare.hash)
    except (Refused, TinyopsError, asyncio.CancelledError):
        await _take_back(hand)
        raise
    hand.note("confirm", f"{describe(spare)}: {seen}")
    return await hand.outcome("reverted", f"{hand.entry.name} runs {describe(spare)} again: {seen}")


async def _boot(hand: Hand, image_hash: bytes) -> None:
    """Boot an image from the spare slot unconfirmed; when that is interrupted, the earlier one runs again."""
    try:
        await hand.session.test(image_hash)
        hand.note("reset", f"boots {image_hash.hex()[:8]} unconfirmed")
        await hand.session.reset()
    except (SessionError, asyncio.CancelledError):
        await _take_back(hand)
        raise


async def _see_that_it_runs(hand: Hand, image_hash: bytes) -> None:
    await _see_that_it_boots(hand, image_hash)
    try:
        info = await hand.session.info()
    except ModelFault as fault:
        raise Refused(fault.message, "do not release this model to this class of board") from fault
    if info.image_hash != image_hash:
        raise Refused(
            f"the board says that it booted {image_hash.hex()[:8]}, but its model is of {info.image_hash.hex()[:8]}",
            "correct the board's firmware: it must follow docs/inference-group.md",
        )


async def _see_that_it_boots(hand: Hand, image_hash: bytes) -> None:
    running = await hand.running()
    if running is None or running.hash != image_hash:
        boots = describe(running) if running else "nothing"
        raise Refused(
            f"the board's boot logic did not take the image: it boots {boots} instead",
            "sign with the key whose public half the board holds; if it is, the slot is damaged",
        )


async def _take_back(hand: Hand) -> None:
    """No signal cuts this short.

    Raises:
        SessionError: the board does not come to rest.
    """
    await uncut(_bring_to_rest(hand), f"{hand.entry.name} to be taken back")


async def _bring_to_rest(hand: Hand) -> None:
    hand.note("revert", "what is on trial is taken back")
    try:
        await come_to_rest(hand.session)
    finally:
        await hand.running()


def describe(image: SlotState) -> str:
    """An image by version and the start of its hash."""
    return f"{image.version} ({image.hash.hex()[:8]})"
