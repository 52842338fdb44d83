"""Leases: one live holder of a board at a time, whatever becomes of holders, clocks, hosts and the file."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge_deployer import database
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory import leases as module
from edge_deployer.inventory.leases import FILE_NAME, TIME_TO_LIVE_S, Busy, Leases, Patience, Tenure
from tests.processes import DEADLINE_S
from tests.small_files import no_file_larger_than

_HOLDS = """
import asyncio, sys
from pathlib import Path
from edge_deployer.inventory.leases import Leases

async def hold():
    async with Leases(Path(sys.argv[1])).held(sys.argv[3:], sys.argv[2]):
        print("held", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(hold())
"""


class Clock:
    """Seconds since boot, as a test wants them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def another_process(folder: Path, purpose: str, *boards: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds boards until its stdin ends."""
    command = [sys.executable, "-c", _HOLDS, str(folder), purpose, *boards]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.stdin.close()


async def until(condition: Any) -> None:
    """Let other tasks work until it holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def rows(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        return connection.execute("SELECT * FROM leases").fetchall()


def put_back(folder: Path, left: list[tuple[Any, ...]]) -> None:
    """Leases of a holder that was killed: its rows are there, and its lock's file, which nobody locks."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        for row in left:
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            (folder / "holders" / row[1]).touch()


@contextmanager
def nobody_can_write(folder: Path) -> Iterator[None]:
    """Somebody else writes in the file all the time."""
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


async def test_a_second_process_is_told_who_holds_a_board_and_waits_for_it_if_it_has_patience(tmp_path: Path) -> None:
    leases, said = Leases(tmp_path), list[str]()
    with another_process(tmp_path, "a nightly push", "b1", "b2") as process:
        with pytest.raises(Busy, match=r"b1, b2 are in use by a nightly push, since \d\d:\d\d:\d\d") as raised:
            async with leases.held(["b1", "b2", "b3"], "a test"):
                pass
        assert "--wait" in raised.value.remedy
        async with leases.held(["b3"], "a test"):
            assert {board: lease.purpose for board, lease in leases.live().items()} == {
                "b1": "a nightly push",
                "b2": "a nightly push",
                "b3": "a test",
            }

        async def wait() -> int:
            async with leases.held(["b2"], "a test", Patience(DEADLINE_S, said.append)) as tenure:
                return tenure.tokens["b2"]

        waits = asyncio.create_task(wait())
        await until(lambda: said)
        assert process.stdin is not None
        process.stdin.close()
        assert await waits == 2
    (words,) = said
    assert words.startswith("b2 is in use by a nightly push, since ")
    assert words.endswith("; waiting up to 2 min")
    assert leases.live() == {}
    assert leases.tokens() == {"b1": 1, "b2": 2, "b3": 1}


async def test_patience_ends(tmp_path: Path) -> None:
    said = list[str]()
    async with Leases(tmp_path).held(["b1"], "a push"):
        begun = time.monotonic()
        with pytest.raises(Busy, match="b1 is in use by a push"):
            async with Leases(tmp_path).held(["b1"], "a test", Patience(0.3, said.append)):
                pass
        assert time.monotonic() - begun >= 0.3
    assert len(said) == 1


async def test_a_killed_process_leaves_no_lease_and_its_token_is_not_given_again(tmp_path: Path) -> None:
    with another_process(tmp_path, "a push", "b1") as process:
        process.send_signal(signal.SIGKILL)
        # Until all of its threads have ended, which keep its files open.
        process.wait(DEADLINE_S)
        (row,) = rows(tmp_path)
        assert row[0] == "b1"
        assert Leases(tmp_path).live() == {}
        async with Leases(tmp_path).held(["b1"], "a test") as tenure:
            assert tenure.tokens == {"b1": 2}
    assert list((tmp_path / "holders").iterdir()) == []


async def test_who_looks_whether_a_holder_lives_is_not_taken_for_it(tmp_path: Path) -> None:
    async with Leases(tmp_path).held(["b1"], "a push") as tenure:
        left = rows(tmp_path)
    put_back(tmp_path, left)
    with (tmp_path / "holders" / tenure.holder).open() as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        async with Leases(tmp_path).held(["b1"], "a test") as after:
            assert after.tokens == {"b1": 2}


async def test_another_host_keeps_all_of_the_folder_until_no_lease_of_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Leases(tmp_path).held(["b1"], "a push"):
        monkeypatch.setattr(module, "boot_id", lambda: "another boot")
        with pytest.raises(Busy, match="another host works with this workspace: a push, since ") as raised:
            async with Leases(tmp_path).held(["b2"], "a test"):
                pass
        assert "30 s" in raised.value.remedy
        left = rows(tmp_path)
    # Its locks tell nothing here: until it has run out, it lives, whether its process does or not.
    put_back(tmp_path, left)
    assert list(Leases(tmp_path).live()) == ["b1"]
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE leases SET runs_out = ?", (time.time() - 1,))
    async with Leases(tmp_path).held(["b1", "b2"], "a test") as tenure:
        assert tenure.tokens == {"b1": 2, "b2": 1}


async def test_a_holder_that_stood_still_has_lost_its_boards_and_says_so_before_it_changes_one(tmp_path: Path) -> None:
    clock = Clock()
    slow, quick = Leases(tmp_path, clock=clock), Leases(tmp_path, clock=clock)
    async with slow.held(["b1", "b2"], "a slow push") as lost:
        clock.now = lost.ends - 0.001
        lost.require()
        assert set(quick.live()) == {"b1", "b2"}
        clock.now = lost.ends
        assert quick.live() == {}
        with pytest.raises(Busy, match=r"the lease of b1, b2 ran out"):
            lost.require()
        with pytest.raises(Busy, match="ran out"):
            slow.raise_above(lost, "b1", 7)
        async with quick.held(["b2"], "a quick one") as tenure:
            slow.renew(lost)
            with pytest.raises(Busy, match=r"the lease of b2 ran out"):
                lost.require()
            tenure.require()
            assert (lost.tokens["b2"], tenure.tokens["b2"]) == (1, 2)
            assert set(Leases(tmp_path, clock=clock).live()) == {"b2"}, "of b1, too"
    assert quick.live() == {}


async def test_a_lease_that_nobody_took_meanwhile_lives_again(tmp_path: Path) -> None:
    clock = Clock()
    leases = Leases(tmp_path, clock=clock)
    async with leases.held(["b1"], "a push") as tenure:
        clock.now += 2 * TIME_TO_LIVE_S
        assert Leases(tmp_path, clock=clock).live() == {}
        leases.renew(tenure)
        tenure.require()
        assert list(Leases(tmp_path, clock=clock).live()) == ["b1"]


async def test_nobody_thinks_longer_of_a_lease_than_others_do(tmp_path: Path) -> None:
    clock = Clock()

    class Slow(Clock):
        """Each look at it takes a while."""

        def __call__(self) -> float:
            clock.now += 5
            return clock.now

    leases = Leases(tmp_path, clock=Slow())
    async with leases.held(["b1"], "a push") as tenure:
        assert tenure.ends == rows(tmp_path)[0][-1]
        leases.renew(tenure)
        assert tenure.ends == rows(tmp_path)[0][-1]


async def test_the_heart_beats_on_after_a_beat_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT_S", 0.001)
    monkeypatch.setattr(database, "_BUSY_S", 0.0)
    clock, failed = Clock(), list[str]()

    class Told(Leases):
        def renew(self, tenure: Tenure) -> None:
            try:
                super().renew(tenure)
            except TinyopsError as error:
                failed.append(error.message)
                raise

    async with Told(tmp_path, clock=clock).held(["b1"], "a push") as tenure:
        clock.now += 20
        await until(lambda: tenure.ends == clock.now + TIME_TO_LIVE_S)
        with nobody_can_write(tmp_path):
            clock.now += 40
            await until(lambda: failed)
            with pytest.raises(Busy, match="could not write its file of leases"):
                tenure.require()
        await until(lambda: tenure.ends == clock.now + TIME_TO_LIVE_S)
        tenure.require()
    assert "locked" in failed[0]


async def test_a_lease_that_cannot_be_given_back_ends_all_the_same_and_spoils_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.0)
    with contextlib.ExitStack() as later:
        async with Leases(tmp_path).held(["b1"], "a push"):
            later.enter_context(nobody_can_write(tmp_path))
    assert len(rows(tmp_path)) == 1
    async with Leases(tmp_path).held(["b1"], "a test") as tenure:
        assert tenure.tokens == {"b1": 2}


async def test_a_holder_that_is_cancelled_twice_gives_its_boards_back(tmp_path: Path) -> None:
    held = asyncio.Event()

    async def hold() -> None:
        async with Leases(tmp_path).held(["b1"], "a push"):
            held.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await held.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rows(tmp_path) == []


async def test_a_board_that_holds_a_newer_epoch_gets_a_token_above_it(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    async with leases.held(["b1"], "a push") as tenure:
        assert leases.raise_above(tenure, "b1", 41) == tenure.tokens["b1"] == 42
        assert leases.raise_above(tenure, "b1", 7) == 43
        with pytest.raises(TinyopsError, match="no greater one can be kept"):
            leases.raise_above(tenure, "b1", 2**64 - 1)
    async with leases.held(["b1"], "a push") as tenure:
        assert tenure.tokens == {"b1": 44}


def test_a_folder_without_leases_gets_none_by_asking(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "fleet")
    assert (leases.live(), leases.tokens()) == ({}, {})
    assert not (tmp_path / "fleet").exists()


async def _take(folder: Path) -> None:
    async with Leases(folder).held(["b1"], "a test"):
        pass


async def test_a_damaged_file_is_named_and_left(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"this was a database once " * 100)
    for use in (Leases(tmp_path).live, Leases(tmp_path).tokens):
        with pytest.raises(TinyopsError, match=rf"file of leases .*{FILE_NAME} cannot be used: file is not a database"):
            use()
    with pytest.raises(TinyopsError, match="file is not a database") as raised:
        await _take(tmp_path)
    assert "move it away while no command runs; boards then ask for --take-over" in raised.value.remedy
    assert path.read_bytes().startswith(b"this was a database once ")


@pytest.mark.parametrize(
    ("field", "value"),
    [("since", "yesterday"), ("since", "2025-01-01T00:00:00"), ("runs_out_since_boot", "soon"), ("purpose", b"\xff")],
)
async def test_a_damaged_lease_is_named(tmp_path: Path, field: str, value: object) -> None:
    async with Leases(tmp_path).held(["b1"], "a push"):
        left = rows(tmp_path)
    put_back(tmp_path, left)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute(f"UPDATE leases SET {field} = ?", (value,))
    with pytest.raises(TinyopsError, match=rf"{FILE_NAME}, lease of 'b1' is damaged, or of another version: {field}"):
        await _take(tmp_path)


async def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    await _take(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(
        TinyopsError, match=r"is of version 2, which a newer tinyops has written; this one reads up to 1"
    ) as raised:
        await _take(tmp_path)
    assert "update tinyops" in raised.value.remedy


async def test_a_folder_where_no_lock_can_be_made_is_an_error_to_mend(tmp_path: Path) -> None:
    (tmp_path / "holders").write_text("in the way")
    with pytest.raises(TinyopsError, match="holders cannot be made: File exists"):
        await _take(tmp_path)
    (tmp_path / "holders").unlink()
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(TinyopsError, match="unable to open database file"):
        await _take(tmp_path)
    assert list((tmp_path / "holders").iterdir()) == []


async def test_on_a_full_disk_no_lease_is_given_and_none_is_lost(tmp_path: Path) -> None:
    async with Leases(tmp_path).held(["b1"], "a push"):
        before = rows(tmp_path)
        many = [f"board-{number}" for number in range(2000)]
        size = max(path.stat().st_size for path in tmp_path.iterdir() if path.is_file())
        with (
            no_file_larger_than(size),
            pytest.raises(TinyopsError, match=r"file of leases .* cannot be used") as raised,
        ):
            async with Leases(tmp_path).held(many, "a test"):
                pass
        assert "free its disk" in raised.value.remedy
        assert rows(tmp_path) == before
        assert Leases(tmp_path).tokens() == {"b1": 1}


class AnyHolders(RuleBasedStateMachine):
    """Holders that come, go, are killed, stand still, renew, raise tokens; and another host."""

    BOARDS = ("b1", "b2", "b3")

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.loop, self.stack = Clock(), asyncio.new_event_loop(), contextlib.ExitStack()
        # In memory: SQLite syncs the file whenever a holder ends.
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")))
        self.leases = Leases(self.folder, clock=self.clock)
        self.holders: list[tuple[Leases, Any, Tenure]] = []
        self.greatest = dict.fromkeys(self.BOARDS, 0)
        self.foreign_until = 0.0

    def teardown(self) -> None:
        for _, context, _ in self.holders:
            self.loop.run_until_complete(context.__aexit__(None, None, None))
        self.loop.close()
        self.stack.close()

    def owners(self, board: str) -> list[Tenure]:
        """Who would change a board now."""
        return [tenure for _, _, tenure in self.holders if board in tenure.tokens and self.is_live(tenure)]

    def is_live(self, tenure: Tenure) -> bool:
        try:
            tenure.require()
        except Busy:
            return False
        return True

    @rule(boards=st.sets(st.sampled_from(BOARDS), min_size=1))
    def take(self, boards: set[str]) -> None:
        leases = Leases(self.folder, clock=self.clock)
        context = leases.held(sorted(boards), "a test")
        may = not self.foreign_until and not any(self.owners(board) for board in boards)
        try:
            tenure = self.loop.run_until_complete(context.__aenter__())
        except Busy:
            assert not may
            return
        assert may
        for board, token in tenure.tokens.items():
            assert token > self.greatest[board]
            self.greatest[board] = token
        self.holders.append((leases, context, tenure))

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        _, context, _ = self.pop(data)
        self.loop.run_until_complete(context.__aexit__(None, None, None))

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        _, context, tenure = self.pop(data)
        left = [row for row in rows(self.folder) if row[1] == tenure.holder]
        self.loop.run_until_complete(context.__aexit__(None, None, None))
        put_back(self.folder, left)

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        leases, _, tenure = data.draw(st.sampled_from(self.holders))
        leases.renew(tenure)
        if self.foreign_until:
            assert not self.is_live(tenure)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), epoch=st.integers(0, 50))
    def raise_above(self, data: st.DataObject, epoch: int) -> None:
        leases, _, tenure = data.draw(st.sampled_from(self.holders))
        board = data.draw(st.sampled_from(sorted(tenure.tokens)))
        try:
            token = leases.raise_above(tenure, board, epoch)
        except Busy:
            assert not self.is_live(tenure)
            return
        assert token > max(epoch, self.greatest[board])
        self.greatest[board] = token

    @rule(seconds=st.floats(0.1, 2 * TIME_TO_LIVE_S))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: not self.foreign_until and not any(map(self.owners, self.BOARDS)))
    @rule()
    def another_host_takes_the_folder(self) -> None:
        self.foreign_until = time.time() + 1000
        if (self.folder / FILE_NAME).exists():
            with closing(sqlite3.connect(self.folder / FILE_NAME)) as connection, connection:
                connection.execute("UPDATE leases SET runs_out = 0")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(module, "boot_id", lambda: "another boot")
            context = Leases(self.folder, clock=self.clock).held(["b1"], "another host")
            tenure = self.loop.run_until_complete(context.__aenter__())
            left = [(*row[:5], self.foreign_until, row[6]) for row in rows(self.folder) if row[1] == tenure.holder]
            self.loop.run_until_complete(context.__aexit__(None, None, None))
        self.greatest["b1"] = tenure.tokens["b1"]
        put_back(self.folder, left)

    @precondition(lambda self: self.foreign_until)
    @rule()
    def another_host_is_gone(self) -> None:
        self.foreign_until = 0.0
        with closing(sqlite3.connect(self.folder / FILE_NAME)) as connection, connection:
            connection.execute("UPDATE leases SET runs_out = 0 WHERE host = 'another boot'")

    @invariant()
    def a_board_has_one_live_holder_with_its_greatest_token(self) -> None:
        live = self.leases.live()
        assert len({lease.host for lease in live.values()}) <= 1
        for board in self.BOARDS:
            owners = self.owners(board)
            assert len(owners) <= 1, board
            for owner in owners:
                assert live[board].holder == owner.holder
                assert owner.tokens[board] == self.greatest[board]
        assert {board: token for board, token in self.greatest.items() if token} == self.leases.tokens()

    def pop(self, data: st.DataObject) -> tuple[Leases, Any, Tenure]:
        return self.holders.pop(data.draw(st.integers(0, len(self.holders) - 1)))


AnyHolders.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestAnyHolders = AnyHolders.TestCase
