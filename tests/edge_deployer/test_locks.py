"""Locks: one holder, and nothing is done to what stands at the path."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.locks import exclusive
from tests.processes import DEADLINE_S


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


def test_who_waits_gets_the_lock_when_its_holder_ends(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", list[str]()

    def wait() -> None:
        with exclusive(path, busy="busy", wait_s=DEADLINE_S):
            order.append("the one who waited")

    with ThreadPoolExecutor(1) as other:
        with exclusive(path, busy="busy"):
            waits = other.submit(wait)
            with pytest.raises(TinyopsError, match="busy"), exclusive(path, busy="busy", wait_s=0.3):
                pass
            order.append("the holder")
        waits.result(DEADLINE_S)
    assert order == ["the holder", "the one who waited"]


def test_a_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holds = f"""
from pathlib import Path
from edge_deployer.locks import exclusive
with exclusive(Path({str(path)!r}), busy="busy"):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(TinyopsError, match="busy"), exclusive(path, busy="busy"):
            pass
        process.kill()
        with exclusive(path, busy="busy", wait_s=DEADLINE_S):
            pass
