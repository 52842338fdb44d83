"""The trail: entries are only added, outlive whoever wrote them, and what was done to them is found."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.boards import trail as module
from edge_deployer.boards.trail import FILE_NAME, Entry, Head, Trail, faults_in, unfinished_rollout
from edge_deployer.errors import TinyopsError
from edge_deployer.files import DamagedFile
from tests.small_files import no_file_larger_than

_APPENDS = """
import sys
from pathlib import Path
from edge_deployer.boards.trail import Trail

trail = Trail(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    print(trail.append("step", {"number": number}, board=sys.argv[3]).seq, flush=True)
sys.stdin.read()
"""


def another_process(folder: Path, entries: int, board: str) -> subprocess.Popen[str]:
    """A process that adds entries once it is told a line, and says the number of each."""
    command = [sys.executable, "-c", _APPENDS, str(folder), str(entries), board]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdin is not None
    process.stdin.write(words)
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def alter(folder: Path, *statements: str) -> None:
    """What somebody does to the file who knows SQL."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        for name in ("never_changed", "never_removed"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in statements:
            connection.execute(statement)


def written(folder: Path, count: int = 5) -> Trail:
    trail = Trail(folder)
    for number in range(count):
        trail.append("step", {"number": number}, rollout="r1", board=f"b{number}")
    return trail


class StandingClock(datetime):
    """A clock as a test sets it."""

    at = datetime(2026, 1, 1, tzinfo=timezone.utc)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.at.astimezone(tz)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[StandingClock]:
    monkeypatch.setattr(module, "datetime", StandingClock)
    monkeypatch.setattr(StandingClock, "at", StandingClock.at)
    return StandingClock


def test_entries_are_read_as_they_were_written_by_rollout_kind_and_place(tmp_path: Path) -> None:
    trail = Trail(tmp_path / "fleet")
    assert (trail.entries(), trail.head(), unfinished_rollout(trail)) == ([], None, None)
    assert not trail.path.parent.exists()
    entries = [
        trail.append("begun", {"b": 1, "a": "µ"}, rollout="r1"),
        trail.append("step", {"why": "caf\udce9"}, rollout="r1", board="b1"),
        trail.append("step", {}, board="b1"),
        trail.append("state", {"state": "ended"}, rollout="r1"),
    ]
    trail.write("intent", {}, "b2")
    assert trail.entries()[:4] == entries == Trail(tmp_path / "fleet").entries(before=5)
    assert trail.entries("r1") == [entries[0], entries[1], entries[3]]
    assert trail.entries("r1", kind="st%", after=1, before=4) == [entries[1]]
    assert entries[0].content == {"a": "µ", "b": 1}
    assert entries[1].content == {"why": "caf\udce9"}, "a word of a terminal that speaks another encoding"
    last = trail.entries()[-1]
    assert trail.head() == Head(5, last.hash)
    assert (last.rollout, last.board, last.kind) == ("", "b2", "intent")
    assert list(faults_in(trail.entries(), trail.head())) == []


def test_an_entry_cannot_be_changed_or_removed(tmp_path: Path) -> None:
    trail = written(tmp_path)
    trail.close()
    for statement in ("UPDATE entries SET body = '{}' WHERE seq = 2", "DELETE FROM entries WHERE seq = 5"):
        with (
            closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="append only"),
        ):
            connection.execute(statement)
    assert len(trail.entries()) == 5


_KEPT = st.sampled_from(["at", "rollout", "board", "kind", "body", "hash"])


@st.composite
def tampered(draw: st.DrawFn) -> tuple[list[Entry], list[Entry]]:
    """A trail, and the same after somebody worked on it."""
    before, trail = "0" * 64, list[Entry]()
    for seq in range(1, draw(st.integers(1, 12)) + 1):
        texts = (draw(st.sampled_from(["", "a", "b"])) for _ in range(4))
        entry = module._sealed(before, seq, *texts, json.dumps({"n": draw(st.integers(0, 2))}))
        trail.append(entry)
        before = entry.hash
    bad, at = list(trail), draw(st.integers(0, len(trail) - 1))
    other = draw(st.integers(0, len(trail) - 1))
    match draw(st.sampled_from(["change", "remove", "swap", "close the gap", "cut", "insert", "seal anew"])):
        case "change":
            field = draw(_KEPT)
            now = draw(st.text() | st.binary())
            bad[at] = dataclasses.replace(bad[at], **{field: now})
        case "remove":
            del bad[at]
        case "close the gap":
            del bad[at]
            bad = [dataclasses.replace(entry, seq=number) for number, entry in enumerate(bad, 1)]
        case "swap":
            bad[at], bad[other] = (
                dataclasses.replace(bad[other], seq=at + 1),
                dataclasses.replace(bad[at], seq=other + 1),
            )
        case "cut":
            bad = bad[:at]
        case "insert":
            bad.insert(at, dataclasses.replace(bad[other], seq=at + 1))
            bad = [dataclasses.replace(entry, seq=number) for number, entry in enumerate(bad, 1)]
        case "seal anew":
            # Whoever knows how hashes are made changes one, and makes all that follow.
            changed = dataclasses.replace(bad[at], body='{"n":3}')
            hashed = bad[at - 1].hash if at else "0" * 64
            for place, entry in enumerate([changed, *bad[at + 1 :]], at):
                bad[place] = module._sealed(
                    hashed, entry.seq, entry.at, entry.rollout, entry.board, entry.kind, entry.body
                )
                hashed = bad[place].hash
    return trail, bad


@given(tampered())
def test_whatever_is_done_to_entries_is_found_against_the_head(trails: tuple[list[Entry], list[Entry]]) -> None:
    trail, bad = trails
    head = Head(trail[-1].seq, trail[-1].hash)
    assert list(faults_in(trail, head)) == []
    assert bool(list(faults_in(bad, head))) == (bad != trail)


@given(tampered())
def test_without_a_head_all_but_a_cut_off_end_is_found_where_hashes_were_not_made_anew(
    trails: tuple[list[Entry], list[Entry]],
) -> None:
    trail, bad = trails
    # Who makes hashes anew is found out by a head alone.
    if {entry.hash for entry in bad} <= {entry.hash for entry in trail}:
        assert bool(list(faults_in(bad))) == (bad != trail[: len(bad)])


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE entries SET body = '{\"number\":7}' WHERE seq = 3",
            [r"entry 3 \(step of b2, .*\) was changed or moved"],
        ),
        ("UPDATE entries SET body = X'00ff' WHERE seq = 3", [r"entry 3 \(step of b2, .*\) was changed or moved"]),
        ("DELETE FROM entries WHERE seq = 3", ["entry 4 follows entry 2: what stood between them is missing"]),
        ("DELETE FROM entries WHERE seq = 1", ["entry 2 follows entry 0: what stood between them is missing"]),
        (
            "DELETE FROM entries WHERE seq > 3",
            ["the trail ends with entry 3, and its signed head is entry 5: the end was cut off"],
        ),
        ("DELETE FROM entries", ["the trail ends with entry 0, and its signed head is entry 5: the end was cut off"]),
    ],
)
def test_what_is_found_is_said_with_the_entry(tmp_path: Path, statement: str, found: list[str]) -> None:
    trail = written(tmp_path)
    head = trail.head()
    trail.close()
    alter(tmp_path, statement)
    faults = list(faults_in(trail.entries(), head))
    assert len(faults) == len(found)
    for fault, words in zip(faults, found, strict=True):
        assert re.fullmatch(words, fault)


def test_two_processes_that_write_at_once_keep_one_chain(tmp_path: Path) -> None:
    with another_process(tmp_path, 50, "b1") as one, another_process(tmp_path, 50, "b2") as two:
        for process in (one, two):
            assert hear(process) == "ready\n"
        for process in (one, two):
            say(process, "go\n")
        told = {board: [int(hear(process)) for _ in range(50)] for board, process in (("b1", one), ("b2", two))}
        for process in (one, two):
            process.communicate()
    trail = Trail(tmp_path)
    entries = trail.entries()
    assert list(faults_in(entries, trail.head())) == []
    for board, numbers in told.items():
        assert [entry.seq for entry in entries if entry.board == board] == numbers
    assert sorted(told["b1"] + told["b2"]) == list(range(1, 101))


def test_an_entry_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    with another_process(tmp_path, 3, "b1") as process:
        hear(process)
        say(process, "go\n")
        numbers = [int(hear(process)) for _ in range(3)]
        process.send_signal(signal.SIGKILL)
    assert [entry.seq for entry in Trail(tmp_path).entries()] == numbers == [1, 2, 3]
    trail = written(tmp_path, 1)
    assert list(faults_in(trail.entries(), trail.head())) == []
    with trail._database.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (3,), "EXTRA: FULL, and the folder"
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_clock_that_was_set_back_stops_all_and_a_small_step_is_not_seen(
    tmp_path: Path, clock: type[StandingClock]
) -> None:
    trail = written(tmp_path, 1)
    first = clock.at
    clock.at = first - timedelta(seconds=5)
    assert trail.append("step", {}).at == first.isoformat()
    # Many small steps are one great one.
    clock.at -= timedelta(seconds=1)
    with pytest.raises(TinyopsError, match="this machine's clock is 6 s behind the last entry of the trail") as raised:
        trail.append("step", {})
    assert raised.value.remedy.startswith("set the clock, and give the command again; if it is right now")
    assert len(trail.entries()) == 2
    clock.at = first + timedelta(seconds=1)
    assert trail.append("step", {}).at == clock.at.isoformat()
    assert list(faults_in(trail.entries(), trail.head())) == []


@pytest.mark.parametrize("at", ["'yesterday'", "'2026-01-01T00:00:00'", "X'00'"])
def test_a_damaged_time_of_the_last_entry_is_named(tmp_path: Path, at: str) -> None:
    trail = written(tmp_path, 1)
    trail.close()
    alter(tmp_path, f"UPDATE entries SET at = {at}")
    with pytest.raises(DamagedFile, match="the time of the trail's last entry is damaged"):
        trail.append("step", {})


def test_a_trail_of_version_1_is_read_and_gone_on_with(tmp_path: Path) -> None:
    trail = written(tmp_path, 1)
    before = trail.entries()
    trail.close()
    alter(tmp_path, "PRAGMA user_version = 1")
    assert trail.entries() == before
    trail.append("step", {})
    assert len(trail.entries()) == len(before) + 1
    assert list(faults_in(trail.entries())) == []


def test_a_trail_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    trail = written(tmp_path, 1)
    trail.close()
    alter(tmp_path, "PRAGMA user_version = 3")
    uses: tuple[Callable[[], object], ...] = (trail.entries, trail.head, lambda: trail.append("step", {}))
    for use in uses:
        with pytest.raises(
            TinyopsError, match="is of version 3, which a newer tinyops has written; this one reads up to 2"
        ) as raised:
            use()
        assert "update tinyops" in raised.value.remedy


def test_on_a_full_disk_nothing_is_half_written_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    trail = written(tmp_path)
    before = trail.entries()
    size = trail.path.with_name(FILE_NAME + "-wal").stat().st_size
    with no_file_larger_than(size), pytest.raises(TinyopsError, match=r"trail .* cannot be used") as raised:
        trail.append("step", {"text": "x" * 20_000})
    assert "free its disk" in raised.value.remedy
    assert trail.entries() == before
    trail.append("step", {"text": "x" * 20_000})
    assert list(faults_in(trail.entries(), trail.head())) == []
    assert trail.entries()[:5] == before


def test_a_damaged_file_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this was a database once " * 100)
    with pytest.raises(TinyopsError, match=rf"{FILE_NAME} cannot be used: file is not a database") as raised:
        Trail(tmp_path).append("step", {})
    assert "boards probe" in raised.value.remedy
    with pytest.raises(TinyopsError, match="file is not a database"):
        Trail(tmp_path).entries()


def test_the_last_rollout_that_has_not_ended_holds_its_boards(tmp_path: Path) -> None:
    trail = Trail(tmp_path)
    trail.append("begun", {"staging": ["s1"], "waves": [["p1"], ["p2", "p3"]]}, rollout="r1")
    assert unfinished_rollout(trail) == ("r1", frozenset(["s1", "p1", "p2", "p3"]))
    trail.append("state", {"state": "paused"}, rollout="r1")
    assert unfinished_rollout(trail) is not None
    trail.append("state", {"state": "ended"}, rollout="r1")
    assert unfinished_rollout(trail) is None
    trail.append("state", {"state": "running"}, rollout="r1")
    assert unfinished_rollout(trail) is not None, "it is rolled back"


@pytest.mark.parametrize(
    ("kind", "body"), [("begun", "[]"), ("begun", "{"), ("begun", '{"staging":[]}'), ("state", "{}"), ("state", "7")]
)
def test_an_entry_that_makes_no_sense_is_named(tmp_path: Path, kind: str, body: str) -> None:
    trail = Trail(tmp_path)
    trail.append("begun", {"staging": ["s1"], "waves": [["p1"]]}, rollout="r1")
    trail.append("state", {"state": "running"}, rollout="r1")
    trail.close()
    alter(tmp_path, f"UPDATE entries SET body = '{body}' WHERE kind = '{kind}'")
    with pytest.raises(DamagedFile, match=rf"entry [12] of the trail \({kind}\) cannot be read") as raised:
        unfinished_rollout(trail)
    assert "tinyops audit verify" in raised.value.remedy
