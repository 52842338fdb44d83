"""Prints what is known of pools."""

from __future__ import annotations

from typing import Any

from rich.markup import escape

from edge_deployer.boards.pools import KnownBoard, Pools
from edge_deployer.cli import output
from edge_deployer.cli.boards.listing import pool_of
from edge_deployer.report.words import in_words


def print_pools(pools: Pools, *, as_json: bool) -> None:
    """One row per board, then what holds for all."""
    if as_json:
        output.print_json(
            {
                "boards": [_fields(board) for board in pools.boards],
                "in_production": pools.in_production,
                "floor": pools.floor,
                "unfinished_rollout": pools.rollout,
            }
        )
        return
    titles = ("board", "pool", "profile", "tags", "runs", "floor", "seen", "held by", "state")
    output.print_table(titles, (_row(board) for board in pools.boards))
    console = output.console()
    console.print(f"  in production: {', '.join(pools.in_production) or 'no release'}; security floor: {pools.floor}")
    if pools.rollout:
        console.print(escape(f"  rollout {pools.rollout} has not ended: tinyops rollout status {pools.rollout}"))


def _row(board: KnownBoard) -> tuple[str, ...]:
    entry = board.entry
    return (
        entry.name,
        pool_of(entry),
        entry.profile,
        " ".join(entry.tags),
        _runs(board),
        "" if board.floor is None else str(board.floor),
        f"{board.seen[:16].replace('T', ' ')} UTC" if board.seen else "never",
        f"{board.lease.purpose}, since {board.lease.since:%H:%M:%S} UTC" if board.lease else "",
        f"quarantined: {in_words(board.confinement.reason)}" if board.confinement else "",
    )


def _runs(board: KnownBoard) -> str:
    if board.seen is None:
        return "not known"
    if board.image is None:
        return "no confirmed image"
    named = board.release or f"image {board.image[:8]}"
    return f"{named}, below the floor" if board.below_floor else named


def _fields(board: KnownBoard) -> dict[str, Any]:
    entry, lease = board.entry, board.lease
    return {
        "board": entry.name,
        "pool": "spare" if entry.spare else entry.pool,
        "profile": entry.profile,
        "url": entry.url,
        "tags": entry.tags,
        "image": board.image,
        "release": board.release,
        "below_floor": board.below_floor,
        "floor": board.floor,
        "seen": board.seen,
        "held_by": lease and {"purpose": lease.purpose, "since": lease.since, "host": lease.host},
        "quarantined": in_words(board.confinement.reason) if board.confinement else None,
    }
