"""SQLite files of a workspace: transactions, versions, and what goes wrong."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge_deployer import database
from edge_deployer.database import Database
from edge_deployer.errors import TinyopsError

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY, data BLOB);"


def opened(path: Path, version: int = 1) -> Database:
    return Database(path, "list of things", SCHEMA, remedy="move it away", version=version)


def names(things: Database) -> list[str]:
    with closing(things), things.reading() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM things")]


def add(things: Database, name: str, size: int = 0) -> None:
    with closing(things), things.writing() as connection:
        connection.execute("INSERT INTO things VALUES (?, zeroblob(?))", (name, size))


@contextmanager
def without_the_rights_of_root() -> Iterator[None]:
    """Root may write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_block_that_raises_leaves_nothing(tmp_path: Path) -> None:
    things = opened(tmp_path / "new" / "things.sqlite")
    add(things, "first")

    def fail() -> None:
        with things.writing() as connection:
            connection.execute("INSERT INTO things VALUES ('second', NULL)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(things) == ["first"]
    with pytest.raises(TinyopsError, match=r"list of things .* cannot be used: UNIQUE constraint failed"):
        add(things, "first")


def test_a_transaction_has_the_file_for_itself_from_its_first_look_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.0)
    one, another = opened(tmp_path / "things.sqlite"), opened(tmp_path / "things.sqlite")
    add(one, "first")
    with closing(another), another.reading(), one.writing() as connection:
        assert connection.execute("SELECT count(*) FROM things").fetchone() == (1,)
        with pytest.raises(TinyopsError, match="database is locked"), another.writing():
            pass
    one.close()


def test_an_earlier_version_is_led_on_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    add(opened(path), "first")
    assert names(opened(path, version=2)) == ["first"]
    with pytest.raises(
        TinyopsError, match=r"is of version 2, which a newer tinyops has written; this one reads up to 1"
    ) as raised:
        names(opened(path, version=1))
    assert "give another workspace" in raised.value.remedy


def test_a_disk_without_room_is_an_error_and_what_was_there_stays(tmp_path: Path) -> None:
    things = opened(tmp_path / "things.sqlite")
    add(things, "first")
    with closing(things):
        with things.reading() as connection:
            connection.execute("PRAGMA max_page_count = 10")
        with pytest.raises(TinyopsError, match="database or disk is full") as raised, things.writing() as connection:
            connection.execute("INSERT INTO things VALUES ('second', NULL), ('large', zeroblob(100000))")
        assert raised.value.remedy == "make the folder writable and free its disk; move it away"
        with things.writing() as connection:
            connection.execute("INSERT INTO things VALUES ('third', NULL)")
    assert names(things) == ["first", "third"]


def test_a_folder_that_cannot_be_written_is_an_error() -> None:
    # pytest's folders are closed to others.
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "things.sqlite"
        add(opened(path), "first")
        folder.chmod(0o555)
        path.chmod(0o444)
        with without_the_rights_of_root():
            with pytest.raises(TinyopsError, match=r"list of things .* cannot be used: ") as raised:
                add(opened(path), "second")
            with pytest.raises(TinyopsError, match="cannot be made: Permission denied"):
                add(opened(folder / "new" / "things.sqlite"), "first")
        assert "make the folder writable" in raised.value.remedy
        assert names(opened(path)) == ["first"]
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("cut", [100, 5000])
def test_a_file_that_was_cut_off_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "things.sqlite"
    add(opened(path), "first", 10_000)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(TinyopsError, match=r"list of things .*things.sqlite cannot be used: ") as raised:
        add(opened(path), "second")
    assert raised.value.remedy.endswith("move it away")


def test_a_transaction_that_was_not_ended_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "things.sqlite"
    add(opened(path), "first")
    with closing(sqlite3.connect(path, isolation_level=None)) as killed:
        killed.execute("BEGIN IMMEDIATE")
        killed.execute("INSERT INTO things VALUES ('second', NULL)")
    assert names(opened(path)) == ["first"]
