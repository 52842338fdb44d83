"""Locks: one holder, and nothing is done to what stands at the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.locks import exclusive


def test_a_lock_has_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    for _ in range(2):
        with (
            exclusive(path, busy="the other one"),
            pytest.raises(TinyopsError, match="the other one"),
            exclusive(path, busy="the other one"),
        ):
            pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "lock").symlink_to(precious)
    with (
        pytest.raises(TinyopsError, match=r"lock is a symbolic link") as raised,
        exclusive(tmp_path / "lock", busy="busy"),
    ):
        pass
    assert "remove the link" in raised.value.remedy
    assert precious.read_text() == "kept"


def test_a_file_at_the_path_keeps_its_contents(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("kept")
    with exclusive(path, busy="busy"):
        pass
    assert path.read_text() == "kept"


def test_a_folder_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="cannot be opened: Is a directory"), exclusive(tmp_path, busy="busy"):
        pass
