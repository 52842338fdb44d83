"""What is done to one board by hand: install, confirm, revert."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from typing import Literal

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.hand import Hand, describe, is_at_rest
from edge_deployer.boards.journal import Journal, Watcher
from edge_deployer.boards.log import BoardLog
from edge_deployer.boards.offered_image import OfferedImage, find_image
from edge_deployer.boards.proof import prove
from edge_deployer.boards.refusals import why_refused
from edge_deployer.boards.trail import Trail
from edge_deployer.ending import CutShort, uncut
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.finding import Finding, Told
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.session import ModelFault, SlotState

_Result = Literal["on trial", "confirmed", "reverted", "unchanged", "refused"]


@dataclass(frozen=True)
class ActionOutcome:
    """How an action ended for its board."""

    board: str  # Its name.
    result: _Result  # What became of it.
    finding: Finding  # The same, and what to do next, where there is something.
    running: SlotState | None = None  # The image that runs now; None if none does, or the board was not touched.

    @property
    def refused(self) -> bool:
        """Whether that was not done which was asked for."""
        return self.result == "refused"


Action = Callable[[Bench, BoardEntry, Watcher], Coroutine[None, None, ActionOutcome]]
"""Does something to a board, and keeps the board's log. A refusal is an outcome, not an error.

Raises:
    TinyopsError: something that was named is wrong, or the board does not answer.
    CutShort: it was cancelled. What was on trial only since then is taken back, and what the board runs is said.
"""


async def install(image: str, bench: Bench, entry: BoardEntry, watcher: Watcher) -> ActionOutcome:
    """Put an image on trial: a file, a release's folder, or the id of a release in the workspace."""
    try:
        offered = find_image(image, bench, entry)
    except Refused as refusal:
        return ActionOutcome(entry.name, "refused", why_refused(refusal))
    return await _perform("install", partial(_install, offered=offered), bench, entry, watcher)


async def confirm(bench: Bench, entry: BoardEntry, watcher: Watcher) -> ActionOutcome:
    """Keep the image that is on trial."""
    return await _perform("confirm", partial(_confirm, bench=bench, entry=entry), bench, entry, watcher)


async def revert(bench: Bench, entry: BoardEntry, watcher: Watcher) -> ActionOutcome:
    """Go back to the earlier image."""
    return await _perform("revert", partial(_revert, bench=bench, entry=entry), bench, entry, watcher)


async def _perform(
    purpose: str, work: Callable[[Hand], Awaitable[ActionOutcome]], bench: Bench, entry: BoardEntry, watcher: Watcher
) -> ActionOutcome:
    with closing(Trail(bench.fleet)) as trail:
        journal = Journal(BoardLog(bench.workspace, watcher), trail)
        async with (
            bench.hold((entry,), f"boards {purpose}") as held,
            held.session(entry, journal, stays_on_trial=True) as session,
        ):
            hand = Hand(session, entry.name, journal)
            try:
                return await work(hand)
            except Refused as refusal:
                finding = why_refused(refusal)
                journal.note(hand.board, "refused", finding=finding)
                return ActionOutcome(hand.board, "refused", finding, await hand.running())
            except asyncio.CancelledError:
                raise CutShort(f"{entry.name} {hand.answered}") from None


async def _end(hand: Hand, result: _Result, detail: str, remedy: str = "") -> ActionOutcome:
    """How it ended, with what the board runs now."""
    return ActionOutcome(hand.board, result, Told(text=detail, help=remedy), await hand.running())


async def _install(hand: Hand, offered: OfferedImage) -> ActionOutcome:
    name, wanted = hand.board, offered.image.hash
    after_trial = f"try it, then `tinyops boards confirm {name}` or `tinyops boards revert {name}`"
    running = await hand.running()
    if running and running.hash == wanted:
        if running.confirmed:
            return await _end(hand, "unchanged", f"{name} runs {describe(running)} already")
        return await _end(hand, "on trial", f"{name} has {describe(running)} on trial already", after_trial)
    if not is_at_rest(await hand.ask()):
        raise Refused(
            "another image is on trial, or waits to be booted",
            remedy=f"settle that first: `tinyops boards confirm {name}` or `tinyops boards revert {name}`",
        )
    label = f"{offered.label}, version {offered.image.version}"
    async with _or_taken_back(hand):
        _require_boots(wanted, await hand.put_on_trial(offered.data, wanted, label, wanted.hex()[:8]))
        await _require_loads(hand, wanted)
    return await _end(hand, "on trial", f"{name} runs {offered.image.version} on trial, unconfirmed", after_trial)


async def _confirm(hand: Hand, bench: Bench, entry: BoardEntry) -> ActionOutcome:
    name, running = hand.board, await hand.running()
    if running is None:
        remedy = f"install one: `tinyops boards install {name} IMAGE_OR_RELEASE`"
        raise Refused("the board runs no image", remedy=remedy)
    if running.confirmed:
        return await _end(hand, "unchanged", f"{name} has {describe(running)} confirmed already")
    seen = await prove(hand.session, bench, entry, running.hash)
    await hand.confirm(running.hash, f"{describe(running)}: {seen}")
    return await _end(hand, "confirmed", f"{name} keeps {describe(running)}: {seen}")


async def _revert(hand: Hand, bench: Bench, entry: BoardEntry) -> ActionOutcome:
    slots = await hand.ask()
    if not is_at_rest(slots):
        await _take_back(hand)
        running = await hand.running()
        what = f"runs {describe(running)}" if running else "has no image that boots"
        told = Told(text=f"what was on trial is taken back: {hand.board} {what}")
        return ActionOutcome(hand.board, "reverted", told, running)
    spare = next((image for image in slots if not image.active), None)
    if spare is None or _was_only_loaded(bench, hand.board, spare):
        held = "no image to go back to"
        if spare is not None:
            held = f"{describe(spare)}, which a rollout has brought there ahead, and which the board has never run"
        raise Refused(
            f"nothing is on trial, and the spare slot holds {held}",
            remedy=f"install the image that you want: `tinyops boards install {hand.board} IMAGE_OR_RELEASE`",
        )
    async with _or_taken_back(hand):
        _require_boots(spare.hash, await hand.boot(spare.hash, spare.hash.hex()[:8]))
        seen = await prove(hand.session, bench, entry, spare.hash)
        await hand.confirm(spare.hash, f"{describe(spare)}: {seen}")
    return await _end(hand, "reverted", f"{hand.board} runs {describe(spare)} again: {seen}")


def _was_only_loaded(bench: Bench, board: str, spare: SlotState) -> bool:
    with closing(Trail(bench.fleet)) as trail:
        last = trail.latest("intent").get(board)
    return last is not None and (last.content["action"], last.content["image"]) == ("load", spare.hash.hex())


def _require_boots(image_hash: bytes, running: SlotState | None) -> None:
    if running is None or running.hash != image_hash:
        boots = describe(running) if running else "nothing"
        raise Refused(
            f"the board's boot logic did not take the image: it boots {boots} instead",
            remedy="sign with the key whose public half the board holds; if it is, the slot is damaged",
        )


async def _require_loads(hand: Hand, image_hash: bytes) -> None:
    try:
        info = await hand.session.info()
    except ModelFault as fault:
        raise Refused(fault.message, remedy="do not release this model to this class of board") from fault
    if info.image_hash != image_hash:
        raise Refused(
            f"the board says that it booted {image_hash.hex()[:8]}, but its model is of {info.image_hash.hex()[:8]}",
            remedy="correct the board's firmware: it must follow docs/inference-group.md",
        )


@asynccontextmanager
async def _or_taken_back(hand: Hand) -> AsyncIterator[None]:
    """A block that puts an image on trial, which does not stay there if the block fails or is cancelled."""
    try:
        yield
    except (TinyopsError, asyncio.CancelledError):
        # An upload alone has changed nothing that boots.
        if hand.intended[-1] != "put on trial":
            await _take_back(hand)
        raise


async def _take_back(hand: Hand) -> None:
    """No signal cuts this short.

    Raises:
        SessionError: the board does not come to rest.
    """
    hand.note("revert", "what is on trial is taken back")
    await uncut(hand.come_to_rest(), f"{hand.board} to be taken back")
