"""The quarantine's file: who is in, why, and that commands can share it."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Told, kind
from edge_deployer.inventory.quarantine import FILE_NAME, Quarantine
from edge_deployer.report.words import in_words

_NOW = "2025-01-01T00:00:00+00:00"


def reasons(quarantine: Quarantine) -> dict[str, str]:
    return {name: in_words(confinement.reason) for name, confinement in quarantine.boards().items()}


def test_a_workspace_without_the_file_has_nobody_in_quarantine_and_gets_none_by_asking(tmp_path: Path) -> None:
    assert Quarantine(tmp_path / "boards").boards() == {}
    assert not (tmp_path / "boards").exists()


def test_what_one_command_confines_another_sees_and_releases(tmp_path: Path) -> None:
    one, another = Quarantine(tmp_path), Quarantine(tmp_path)
    before = datetime.now(timezone.utc)
    one.confine("s1", Told(text="labels: 9 of 20"))
    another.confine("s2", Told(text="silent"))
    assert reasons(one) == reasons(another) == {"s1": "labels: 9 of 20", "s2": "silent"}
    assert before <= one.boards()["s1"].since <= datetime.now(timezone.utc)
    another.release("s1", "the self-test")
    assert reasons(one) == {"s2": "silent"}


def test_a_board_that_is_confined_twice_keeps_its_first_reason(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.confine("s1", Told(text="first"))
    first = quarantine.boards()
    quarantine.confine("s1", Told(text="second"))
    assert quarantine.boards() == first
    assert in_words(first["s1"].reason) == "first"


def test_many_commands_at_once_confine_a_board_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as commands:
        list(commands.map(lambda number: Quarantine(tmp_path).confine("s1", Told(text=f"command {number}")), range(8)))
    assert list(Quarantine(tmp_path).boards()) == ["s1"]
    Quarantine(tmp_path).release("s1", "the self-test")
    assert Quarantine(tmp_path).boards() == {}


def test_the_record_of_a_release_stays_and_the_board_can_be_confined_again(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.confine("s1", Told(text="first"))
    quarantine.release("s1", "the self-test")
    quarantine.release("s1", "nothing is left to release")
    quarantine.confine("s1", Told(text="again"))
    assert reasons(quarantine) == {"s1": "again"}
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        rows = connection.execute("SELECT reason, until, released_by FROM quarantine ORDER BY since").fetchall()
    (reason, until, released_by), still = rows
    assert (json.loads(reason)["text"], released_by) == ("first", "the self-test")
    assert datetime.fromisoformat(until) <= quarantine.boards()["s1"].since
    assert (json.loads(still[0])["text"], *still[1:]) == ("again", None, None)


@pytest.mark.parametrize("call", ["boards", "confine", "release"])
def test_a_damaged_file_is_named(tmp_path: Path, call: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this was a database once " * 100)
    quarantine = Quarantine(tmp_path)
    arguments = () if call == "boards" else ("s1", "why")
    with pytest.raises(TinyopsError, match=FILE_NAME) as raised:
        getattr(quarantine, call)(*arguments)
    assert "boards health" in raised.value.remedy


@pytest.mark.parametrize(
    ("since", "reason"), [("yesterday", "why"), ("2025-01-01T00:00:00", "why"), (b"\xff", "why"), (_NOW, b"\xff")]
)
def test_a_damaged_entry_is_named(tmp_path: Path, since: object, reason: object) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.confine("s1", Told(text="why"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE quarantine SET since = ?, reason = ?", (since, reason))
    with pytest.raises(
        TinyopsError, match=rf"{FILE_NAME}, entry of 's1' is damaged, or of another version: (since|reason)"
    ) as raised:
        quarantine.boards()
    assert "boards health" in raised.value.remedy


def test_a_reason_that_an_earlier_version_wrote_in_words_is_read(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.confine("s1", Told(text="why"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE quarantine SET reason = 'labels: 9 of 20 differ'")
    assert reasons(quarantine) == {"s1": "labels: 9 of 20 differ"}


def test_a_reason_that_no_loaded_module_declares_is_kept_until_one_does(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path)
    quarantine.confine("s1", Told(text="why"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE quarantine SET reason = ?", (json.dumps({"code": "test.later", "figure": 7}),))
    read = quarantine.boards()["s1"].reason
    assert in_words(read) == "test.later"
    kind("test.later", "figure {{ figure }}", {"figure": int})
    assert in_words(read) == "figure 7"
