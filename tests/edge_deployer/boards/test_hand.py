"""What changes a board is intended first, in writing; then it is done, and the board says what is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.hand import Hand, is_at_rest
from edge_deployer.boards.journal import Intent, Journal
from edge_deployer.inventory.inventory import BoardEntry, Inventory
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from edge_deployer.session import SlotState
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import make_image

BOARDS = (
    BoardEntry(name="b1", pool="staging", virtual=True),
    BoardEntry(name="p1", pool="production", virtual=True),
)


class LostNotes(Journal):
    """A journal on a disk that fails."""

    def intend(self, intent: Intent) -> None:
        raise OSError(f"{intent.action} cannot be written down")


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_or_create_signing_key(tmp_path / "keys" / "signing.pem")


@pytest.fixture
async def hand(tmp_path: Path, key: SigningKey) -> AsyncIterator[Hand]:  # noqa: ARG001 - the board is given this key
    bench = Bench(Inventory(boards=BOARDS), tmp_path)
    entry = bench.entry("b1")
    async with bench.hold([entry], "a test") as held, held.session(entry) as session:
        yield Hand(session, "b1", Journal())


def image(key: SigningKey, classes: int) -> tuple[bytes, bytes]:
    """An image and its hash."""
    data = make_image(identity_classifier(classes=classes), "1.0.0", key.path)
    return data, parse_image(data).hash


def waiting(image_hash: bytes) -> tuple[SlotState, ...]:
    """The spare slot once an image has been uploaded."""
    return (SlotState(1, image_hash, "1.0.0", active=False, confirmed=False, pending=False),)


async def slots(hand: Hand) -> tuple[SlotState, ...]:
    return tuple(await hand.session.images())


async def test_every_step_is_intended_with_what_was_there_before(hand: Hand, key: SigningKey) -> None:
    (old, old_hash), (new, new_hash) = image(key, 4), image(key, 5)
    running = await hand.put_on_trial(old, old_hash, "old", "old")
    assert running is not None
    assert (running.hash, running.confirmed) == (old_hash, False)
    on_trial = await slots(hand)
    await hand.confirm(old_hash, "it works")
    kept = await hand.ask()
    await hand.load(new, new_hash, "new")
    loaded = await slots(hand)
    assert is_at_rest(loaded)
    await hand.load(new, new_hash, "new")
    await hand.put_on_trial(new, new_hash, "new", "new")
    tried = await slots(hand)
    await hand.load(old, old_hash, "old")
    assert await slots(hand) == tried, "a board that is not at rest is left alone"
    await hand.come_to_rest()
    assert hand.slots == await slots(hand)
    assert is_at_rest(hand.slots)
    intended = [(intent.action, intent.image_hash, intent.before) for intent in hand.journal.intents]
    assert intended == [
        ("put on trial", old_hash, ()),
        ("boot", old_hash, waiting(old_hash)),
        ("confirm", old_hash, on_trial),
        ("load", new_hash, kept),
        ("put on trial", new_hash, loaded),
        ("boot", new_hash, loaded),
        ("take back", None, tried),
    ]
    noted = [(step.action, step.detail) for step in hand.journal.steps]
    size = f"{len(old):,} bytes"
    assert noted[:3] == [("install", f"old, {size}"), ("reset", "boots old unconfirmed"), ("confirm", "it works")]


async def test_what_cannot_be_written_down_is_not_done(hand: Hand, key: SigningKey) -> None:
    (old, old_hash), (new, new_hash) = image(key, 4), image(key, 5)
    await hand.put_on_trial(old, old_hash, "old", "old")
    before = await hand.ask()
    hand.journal = LostNotes()
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "put on trial": lambda: hand.put_on_trial(new, new_hash, "new", "new"),
        "boot": lambda: hand.boot(old_hash),
        "confirm": lambda: hand.confirm(old_hash),
        "take back": hand.come_to_rest,
    }
    for action, step in steps.items():
        with pytest.raises(OSError, match=f"{action} cannot be written down"):
            await step()
        assert await slots(hand) == before, action
        assert hand.journal.steps == []
    await hand.session.reset()
    with pytest.raises(OSError, match="load cannot be written down"):
        await hand.load(new, new_hash, "new")
    assert all(slot.hash != new_hash for slot in await slots(hand))


async def test_a_board_is_said_to_run_what_it_answered_last(hand: Hand, key: SigningKey) -> None:
    data, image_hash = image(key, 4)
    assert hand.answered == "was not asked"
    await hand.ask()
    assert hand.answered == "has no image that boots"
    await hand.put_on_trial(data, image_hash, "old", "old")
    assert hand.answered == f"runs 1.0.0 ({image_hash.hex()[:8]}), on trial"
    await hand.confirm(image_hash)
    await hand.ask()
    assert hand.answered == f"runs 1.0.0 ({image_hash.hex()[:8]}), confirmed"
