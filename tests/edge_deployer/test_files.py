from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.files import write_file


def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    for contents in (b"first", b"second"):
        write_file(path, contents)
        assert path.read_bytes() == contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "/", "folder"])
def test_a_folder_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(TinyopsError, match="cannot be written: it is a folder"):
        write_file(Path(name), b"contents")
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.parametrize("name", ["absent/file", "x" * 300, "/proc/file"])
def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinyopsError, match="cannot be written"):
        write_file(Path(name), b"contents")
    assert not list(tmp_path.iterdir())
