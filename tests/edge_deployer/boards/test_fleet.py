"""What is said of boards is what they answered last, and nothing is said of what they did not."""

from __future__ import annotations

from typing import Any

from edge_deployer.boards.fleet import what_boards_run
from edge_deployer.boards.record import BoardRecord

OLD, NEW, FOREIGN = "aa" * 32, "bb" * 32, "cc" * 32


def board(name: str, answer: Any, image: str | None = None) -> BoardRecord:
    return BoardRecord(
        name=name, pool="production", profile="cortex-m4", virtual=True, answer=answer, image_after=image
    )


def test_boards_are_told_together_by_what_they_run() -> None:
    boards = [
        board("s1", "runs", NEW),
        board("p1", "runs", OLD),
        board("p2", "runs", NEW),
        board("p3", "silent", OLD),
        board("p4", "not asked"),
        board("p5", "runs"),
        board("p6", "runs", FOREIGN),
        board("p7", "not asked"),
    ]
    assert what_boards_run(boards, {OLD: "1.0.0+1-aaaaaaaa", NEW: "1.0.0+2-bbbbbbbb"}) == (
        "s1 and p2 run release 1.0.0+2-bbbbbbbb; p1 runs release 1.0.0+1-aaaaaaaa; p3 does not answer; "
        "p4 and p7 were not asked; p5 has no confirmed image; p6 runs image cccccccc, of no release in this workspace"
    )


def test_a_record_of_an_earlier_version_says_nothing() -> None:
    assert what_boards_run([board("p1", None, OLD)], {}) == ""
