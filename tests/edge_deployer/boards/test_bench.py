"""Boards that are held: each session claims its board, and what another workspace or a rollout holds is left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.boards.bench import Bench
from edge_deployer.boards.trail import Trail
from edge_deployer.inventory.inventory import BoardEntry, Inventory
from edge_deployer.inventory.leases import Busy, Patience
from edge_deployer.release.keys import load_or_create_signing_key
from edge_deployer.session import Fenced
from tests.edge_deployer.cli.command import tinyops
from tests.edge_deployer.inventories import virtual, write_fast_inventory, write_inventory
from tests.edge_deployer.sessions import session_with
from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import RunningBoard, make_image
from tests.processes import DEADLINE_S


def bench_of(board: RunningBoard, workspace: Path, **changes: Any) -> Bench:
    """One of several workspaces, all of which have the board in their inventories."""
    boards = (
        BoardEntry(name="b1", pool="staging", url=board.url),
        BoardEntry(name="p1", pool="production", url="/dev/nowhere"),
    )
    return Bench(Inventory(boards=boards), workspace, **changes)


async def epoch_of(board: RunningBoard) -> int | None:
    async with session_with(board.url, line_rate=0) as session:
        return await session.held_epoch()


async def claim(bench: Bench) -> int | None:
    """What a command does; returns the epoch that the board holds then."""
    entry = bench.entry("b1")
    async with bench.hold([entry], "a test") as held, held.session(entry) as session:
        return await session.held_epoch()


async def test_each_command_claims_with_a_greater_epoch_and_all_its_sessions_with_one(
    board: RunningBoard, tmp_path: Path
) -> None:
    bench = bench_of(board, tmp_path)
    assert await epoch_of(board) == 0
    for expected in (1, 2):
        assert await claim(bench) == expected
    entry = bench.entry("b1")
    async with bench.hold([entry], "a test") as held:
        for _ in range(2):
            async with held.session(entry) as session:
                assert await session.held_epoch() == 3
    assert bench.leases.tokens() == {"b1": 3}


async def test_each_board_is_asked_in_the_framing_that_it_speaks(tmp_path: Path) -> None:
    load_or_create_signing_key(tmp_path / "keys" / "signing.pem")
    boards = (
        BoardEntry(name="b1", pool="staging", virtual=True, framing="raw"),
        BoardEntry(name="b2", pool="production", virtual=True),
    )
    bench = Bench(Inventory(boards=boards), tmp_path)
    async with bench.hold(boards, "a test") as held:
        for entry in boards:
            async with held.session(entry) as session:
                assert await session.images() == []


@pytest.mark.parametrize("earlier", [1, 41])
async def test_a_board_that_another_workspace_has_claimed_is_taken_only_where_it_is_asked_for(
    board: RunningBoard, tmp_path: Path, earlier: int
) -> None:
    async with session_with(board.url, line_rate=0, epoch=earlier):
        pass
    own = bench_of(board, tmp_path)
    with pytest.raises(Fenced, match=rf"in use by a newer holder: it holds epoch {earlier}, this command 1") as raised:
        await claim(own)
    assert "--take-over" in raised.value.remedy
    assert await epoch_of(board) == earlier
    for attempt in (2, 3):
        with pytest.raises(Fenced, match=rf"it holds epoch {earlier}, this command {attempt}"):
            await claim(own)
    assert await epoch_of(board) == earlier, "to try again and again is not to take over"
    assert await claim(bench_of(board, tmp_path, take_over=True)) == max(4, earlier + 1)
    assert await claim(own) == max(4, earlier + 1) + 1
    earlier = max(4, earlier + 1) + 1
    third = bench_of(board, tmp_path / "third", take_over=True)
    assert await claim(third) == earlier + 1
    assert await claim(third) == earlier + 2, "from then on it is ahead"


async def test_a_board_that_is_taken_over_takes_no_change_from_who_had_it(board: RunningBoard, tmp_path: Path) -> None:
    one = bench_of(board, tmp_path / "one")
    another = bench_of(board, tmp_path / "another", take_over=True)
    entry = one.entry("b1")
    async with one.hold([entry], "a test") as held:
        async with held.session(entry):
            pass
        assert await claim(another) == 2
        with pytest.raises(Fenced):
            async with held.session(entry):
                pass
    assert await epoch_of(board) == 2


async def test_who_has_patience_gets_the_boards_of_another_command(board: RunningBoard, tmp_path: Path) -> None:
    said = asyncio.Queue[str]()
    bench = bench_of(board, tmp_path)
    patient = bench_of(board, tmp_path, patience=Patience(DEADLINE_S, said.put_nowait))
    async with bench.hold([bench.entry("b1")], "boards infer"):
        with pytest.raises(Busy, match="b1 is in use by boards infer"):
            await claim(bench)
        waits = asyncio.create_task(claim(patient))
        assert (await said.get()).startswith("b1 is in use by boards infer, since ")
    assert await waits == 2
    assert said.empty()


def begin_rollout(bench: Bench, *boards: str) -> Trail:
    trail = Trail(bench.fleet)
    trail.append("begun", {"staging": boards[:1], "waves": [boards[1:]]}, rollout="r1")
    return trail


async def test_a_board_of_a_rollout_that_has_not_ended_is_changed_by_nobody_else(
    board: RunningBoard, tmp_path: Path
) -> None:
    bench = bench_of(board, tmp_path)
    trail, entry = begin_rollout(bench, "b1", "p1"), bench.entry("b1")
    with pytest.raises(Busy, match="b1: rollout r1 has not ended") as raised:
        await claim(bench)
    assert "`tinyops rollout resume r1`" in raised.value.remedy
    assert "`tinyops rollout abort r1`" in raised.value.remedy
    assert (await epoch_of(board), bench.leases.live()) == (0, {})
    async with bench.hold([entry], "a look", changes=False), bench.leases.held(["p1"], "another"):
        pass
    async with bench.hold([entry], "the rollout", settles=True):
        pass
    trail.append("state", {"state": "ended"}, rollout="r1")
    trail.close()
    assert await claim(bench) == 4


async def test_a_board_beside_a_rollout_may_be_changed(board: RunningBoard, tmp_path: Path) -> None:
    bench = bench_of(board, tmp_path)
    begin_rollout(bench, "s1", "p1").close()
    assert await claim(bench) == 1


@pytest.mark.parametrize("command", ["install", "confirm", "revert"])
def test_a_command_by_hand_says_how_to_end_the_rollout_first(tmp_path: Path, command: str) -> None:
    inventory, workspace = write_fast_inventory(tmp_path, ["b1"]), tmp_path / "work"
    key = load_or_create_signing_key(workspace / "keys" / "signing.pem")
    (tmp_path / "image.bin").write_bytes(make_image(identity_classifier(), "1.0.0", key.path))
    begin_rollout(Bench.load(inventory, workspace), "b1", "p1").close()
    more = [tmp_path / "image.bin"] if command == "install" else []
    done = tinyops("boards", command, "b1", *more, "--inventory", inventory, "--workspace", workspace)
    assert done.status == 1
    assert "b1: rollout r1 has not ended" in done.stderr
    assert "tinyops rollout abort r1" in done.stderr
    assert not (workspace / "boards" / "b1").exists(), "it was not even powered"


def test_every_command_claims_the_boards_that_it_speaks_with(board: RunningBoard, tmp_path: Path) -> None:
    boards = [{"name": "b1", "pool": "staging", "url": board.url}, virtual("p1", "production", "cortex-m4")]
    inventory = write_inventory(tmp_path, boards)
    (tmp_path / "samples.csv").write_text("1,2,3,4\n")
    calls: list[tuple[str | Path, ...]] = [
        ("probe", "b1"),
        ("infer", "b1", tmp_path / "samples.csv"),
        ("confirm", "b1"),
        ("revert", "b1"),
    ]
    for epoch, call in enumerate(calls, 1):
        tinyops("boards", *call, "--inventory", inventory, "--workspace", tmp_path / "work")
        assert asyncio.run(epoch_of(board)) == epoch, call
