"""Prints which boards there are, which of them are in quarantine, and how those that were tested fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from edge_deployer.cli import output
from edge_deployer.inventory.inventory import BoardEntry, Inventory
from edge_deployer.report.words import check_in_words, in_words, remedy_in_words

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
        (board.name, pool_of(board), board.profile, _address(board), " ".join(board.tags), _state(board, confined))
        for board in inventory.boards
    )
    output.print_table(("board", "pool", "profile", "address", "tags", "state"), rows)


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
        console.print(f"[bold {color}]{test.result}[/]: {escape(_self_test_in_words(test))}")
        if remedy := remedy_in_words(test.finding):
            console.print(f"  remedy: {escape(remedy)}")


def pool_of(board: BoardEntry) -> str:
    """Its pool, and whether it is a spare there."""
    return f"{board.pool} (spare)" if board.spare else board.pool


def why_confined(board: BoardEntry, confined: Mapping[str, Confinement]) -> str | None:
    """Why a board is in quarantine; None if it is not."""
    return in_words(confined[board.name].reason) if board.name in confined else None


def _self_test_in_words(test: SelfTest) -> str:
    then = {"confined": "; it is in quarantine now", "released": "; it is no longer in quarantine", None: ""}
    return in_words(test.finding) + then[test.settled]


def _address(board: BoardEntry) -> str:
    return "virtual" if board.url is None else board.url


def _state(board: BoardEntry, confined: Mapping[str, Confinement]) -> str:
    return "quarantined" if board.name in confined else "healthy"


def _health_row(board: BoardEntry, confined: Mapping[str, Confinement]) -> tuple[str, ...]:
    confinement = confined.get(board.name)
    since = f"{confinement.since:%Y-%m-%d %H:%M:%S} UTC" if confinement else "-"
    return (board.name, pool_of(board), _state(board, confined), since, why_confined(board, confined) or "-")


def _health_fields(board: BoardEntry, confined: Mapping[str, Confinement]) -> dict[str, Any]:
    confinement = confined.get(board.name)
    return {
        "board": board.name,
        "pool": board.pool,
        "spare": board.spare,
        "quarantined": why_confined(board, confined),
        "since": confinement.since.isoformat() if confinement else None,
    }


def _self_test_fields(test: SelfTest) -> dict[str, Any]:
    return {
        "board": test.board,
        "result": test.result,
        "detail": _self_test_in_words(test),
        "remedy": remedy_in_words(test.finding),
        "release": test.release,
        "quarantined": in_words(test.quarantined) if test.quarantined else None,
        "checks": [
            {**check.model_dump(mode="json"), "detail": check_in_words(check)}
            for check in (test.verdict.checks if test.verdict else ())
        ],
    }
