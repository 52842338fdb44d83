"""What is known of boards without asking them: the last answer, whoever heard it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.pools import read_pools
from edge_deployer.boards.record import BoardRecord
from edge_deployer.boards.trail import Trail
from edge_deployer.inventory.inventory import BoardEntry, Inventory

OLD, NEW = "aa" * 32, "bb" * 32


def test_an_answer_to_whoever_came_after_a_kill_counts(tmp_path: Path) -> None:
    bench = Bench(Inventory(boards=(BoardEntry(name="p1", pool="production", virtual=True),)), tmp_path)
    record = BoardRecord(name="p1", pool="production", profile="cortex-m4", virtual=True, answer="runs")
    after = [{"slot": 0, "hash": NEW, "confirmed": False}, {"slot": 1, "hash": OLD, "confirmed": True}]
    with closing(Trail(bench.fleet)) as trail:
        assert read_pools(bench).boards[0].seen is None
        trail.append("done", {"action": "boot", "after": after}, rollout="r1", board="p1")
        assert read_pools(bench).boards[0].image == OLD
        # The kill came between the board's confirmation and the entry that says so.
        found = record.model_copy(update={"image_after": NEW, "floor": 3}).model_dump(mode="json")
        trail.append("settled", {"record": found, "standing": "accepted"}, rollout="r1", board="p1")
    (board,) = read_pools(bench).boards
    assert (board.image, board.floor) == (NEW, 3)
