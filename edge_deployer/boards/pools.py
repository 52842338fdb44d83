"""What is known of the boards of an inventory without asking them: who holds each, and what each was seen to run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.trail import Entry, Trail, unfinished_rollout
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.inventory.leases import Lease
from edge_deployer.inventory.quarantine import Confinement

POOLS = ("staging", "production", "spare")


@dataclass(frozen=True)
class KnownBoard:
    """A board, and what is on record of it."""

    entry: BoardEntry
    lease: Lease | None  # Who holds it now.
    confinement: Confinement | None  # Why it is not trusted.
    image: str | None  # Hex hash of the image that it was last seen to run for good.
    release: str | None  # The release that this is; None where the workspace has none of that image.
    seen: str | None  # When that was, ISO 8601; None where nothing was done to it yet.
    floor: int | None  # The board's own security floor, as it said last; None where it was not asked.
    below_floor: bool  # Whether that release was revoked, or is older than one that was.


@dataclass(frozen=True)
class Pools:
    """All of it, with what holds for the workspace as a whole."""

    boards: list[KnownBoard]
    in_production: list[str]  # Ids of releases.
    floor: int  # The store's: an image with a lower security counter goes to no board.
    rollout: str | None  # The rollout that has not ended.


def read_pools(bench: Bench, pool: str | None = None, tags: Sequence[str] = ()) -> Pools:
    """What the workspace says of an inventory's boards.

    Args:
        bench: of the inventory.
        pool: of `POOLS`; None for all.
        tags: that a board must have, all of them.

    Raises:
        TinyopsError: there is no such pool, no board has these tags, or a file of the workspace cannot be read.
    """
    if pool is not None and pool not in POOLS:
        raise TinyopsError(f"there is no pool {pool!r}", remedy=f"name one of {', '.join(POOLS)}")
    chosen = [entry for entry in bench.inventory.boards if _is_in(entry, pool) and set(tags) <= set(entry.tags)]
    if tags and not chosen:
        known = sorted({tag for entry in bench.inventory.boards for tag in entry.tags})
        remedy = f"the inventory has the tags {', '.join(known)}" if known else "the inventory has no tags"
        raise TinyopsError(f"no board has the tags {', '.join(tags)}", remedy=remedy)
    store, leases, confined = bench.releases, bench.leases.live(), bench.quarantine.boards()
    ids = store.ids()
    with closing(Trail(bench.fleet)) as trail:
        last, settled, rollout = trail.latest("done"), trail.latest("settled"), unfinished_rollout(trail)
    boards = []
    for entry in chosen:
        image, seen = _seen(last.get(entry.name), settled.get(entry.name))
        boards.append(
            KnownBoard(
                entry=entry,
                lease=leases.get(entry.name),
                confinement=confined.get(entry.name),
                image=image,
                release=ids.get(image) if image else None,
                seen=seen,
                floor=settled[entry.name].content["record"]["floor"] if entry.name in settled else None,
                below_floor=image in ids and store.lies_below_floor(store.path(image)) if image else False,
            )
        )
    return Pools(
        boards=boards,
        in_production=[ids.get(image, image[:8]) for image in store.in_production()],
        floor=store.floor,
        rollout=rollout[0] if rollout else None,
    )


def _is_in(entry: BoardEntry, pool: str | None) -> bool:
    own = "spare" if entry.spare else entry.pool
    return pool is None or pool == own


def _seen(done: Entry | None, settled: Entry | None) -> tuple[str | None, str | None]:
    """The image that stays, of what a board answered last, and when: after a step on it, or when it was asked.

    A step that a killed command did not live to see the end of has no answer; whoever came next has asked.
    """
    if settled is not None and settled.content["record"]["answer"] == "runs" and (not done or settled.seq > done.seq):
        return settled.content["record"]["image_after"], settled.at
    if done is None:
        return None, None
    kept = next((slot["hash"] for slot in done.content["after"] if slot["confirmed"]), None)
    return kept, done.at
