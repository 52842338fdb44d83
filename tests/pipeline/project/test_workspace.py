from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.project.workspace import Workspace

HOLDER = """
import sys
from pathlib import Path
from pipeline.project.workspace import Workspace
with Workspace(Path(sys.argv[1])).claim():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_runs_are_numbered_and_each_has_a_log(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    for number in (1, 2):
        with workspace.claim() as slot:
            assert slot.number == number
            assert slot.log.is_file()
    (tmp_path / "new" / "logs" / "run-41.log").touch()
    with workspace.claim() as slot:
        assert slot.number == 42


def test_two_runs_do_not_share_a_workspace(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TinyopsError, match="another run"), Workspace(tmp_path).claim():
            pass
        holder.stdin.close()
    with Workspace(tmp_path).claim():
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TinyopsError, match="file cannot be made"), Workspace(tmp_path / "file").claim():
        pass


@pytest.mark.parametrize("contents", [b"no database " * 100, None])
def test_damaged_metadata_is_named_before_anything_runs(tmp_path: Path, contents: bytes | None) -> None:
    path = Workspace(tmp_path).metadata
    if contents is None:
        path.mkdir()
    else:
        path.write_bytes(contents)
    with pytest.raises(TinyopsError, match=r"metadata\.sqlite cannot be used") as raised, Workspace(tmp_path).claim():
        pass
    assert "move the file away" in raised.value.remedy


def test_a_workspace_whose_path_breaks_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="line break"), Workspace(tmp_path / "two\nlines").claim():
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["run-\u00b2.log", "run-x.log", "run-.log"])
def test_other_logs_do_not_count(tmp_path: Path, name: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / name).touch()
    with Workspace(tmp_path).claim() as slot:
        assert slot.number == 1
