"""Prints which boards there are, which of them are in quarantine, and how those that were tested fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.inventory.inventory import BoardEntry, Inventory

if TYPE_CHECKING:
    # What lists boards does without what talks to them.
    from edge_deployer.boards.self_test import SelfTest
    from edge_deployer.inventory.quarantine import Confinement


def print_list(inventory: Inventory, confined: Mapping[str, Confinement], *, as_json: bool) -> None:
    """One row per board of the inventory."""
    if as_json:
        output.print_json([dict(board) | {"quarantined": why_confined(board, confined)} for board in inventory.boards])
        return
    rows = (
        (board.name, pool_of(board), board.profile, _address(board), _state(board, confined))
        for board in inventory.boards
    )
    output.print_table(("board", "pool", "profile", "address", "state"), rows)


def print_health(inventory: Inventory, confined: Mapping[str, Confinement], *, as_json: bool) -> None:
    """One row per board of the inventory: is it in quarantine, since when and why?"""
    if as_json:
        output.print_json([_health_fields(board, confined) for board in inventory.boards])
        return
    output.print_table(
        ("board", "pool", "state", "since", "why"), (_health_row(board, confined) for board in inventory.boards)
    )


def print_self_tests(tests: Sequence[SelfTest], *, as_json: bool) -> None:
    """How each board's self-test ended, and what to do next."""
    if as_json:
        output.print_json([_self_test_fields(test) for test in tests])
        return
    console = output.console()
    for test in tests:
        color = "green" if test.result == "passed" else "red"
        console.print(f"[bold {color}]{test.result}[/]: {escape(test.detail)}")
        if test.remedy:
            console.print(f"  remedy: {escape(test.remedy)}")


def pool_of(board: BoardEntry) -> str:
    """Its pool, and whether it is a spare there."""
    return f"{board.pool} (spare)" if board.spare else board.pool


def why_confined(board: BoardEntry, confined: Mapping[str, Confinement]) -> str | None:
    """Why a board is in quarantine; None if it is not."""
    return confined[board.name].reason if board.name in confined else None


def _address(board: BoardEntry) -> str:
    return "virtual" if board.url is None else board.url


def _state(board: BoardEntry, confined: Mapping[str, Confinement]) -> str:
    return "quarantined" if board.name in confined else "healthy"


def _health_row(board: BoardEntry, confined: Mapping[str, Confinement]) -> tuple[str, ...]:
    confinement = confined.get(board.name)
    told = (f"{confinement.since:%Y-%m-%d %H:%M:%S} UTC", confinement.reason) if confinement else ("-", "-")
    return (board.name, pool_of(board), _state(board, confined), *told)


def _health_fields(board: BoardEntry, confined: Mapping[str, Confinement]) -> dict[str, Any]:
    confinement = confined.get(board.name)
    return {
        "board": board.name,
        "pool": board.pool,
        "spare": board.spare,
        "quarantined": confinement.reason if confinement else None,
        "since": confinement.since.isoformat() if confinement else None,
    }


def _self_test_fields(test: SelfTest) -> dict[str, Any]:
    return {
        "board": test.board,
        "result": test.result,
        "detail": test.detail,
        "remedy": test.remedy,
        "release": test.release,
        "quarantined": test.quarantined,
        "checks": test.verdict.checks if test.verdict else [],
    }
