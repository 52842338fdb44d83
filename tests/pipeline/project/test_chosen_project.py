"""Which project a command takes: the one that is named, the one of the folder, or the demo, and it says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge_deployer.cli.command import tinyops

WRONG = "name: ours\ntrian: {}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; its workspace cannot be made, so that a run ends as soon as its project is chosen."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tinyops").touch()
    return tmp_path


@pytest.mark.parametrize("command", ["run", "ci"])
def test_the_file_of_the_folder_is_taken(folder: Path, command: str, project) -> None:
    project()
    done = tinyops(command, "--workspace", folder / "workspace")
    assert done.stderr.splitlines()[0] == "project: tinyops.yaml"
    (folder / "tinyops.yaml").write_text(WRONG)
    done = tinyops(command, "--workspace", folder / "workspace")
    assert done.status == 1
    assert "trian: unknown key" in done.stderr


def test_a_project_is_named_by_its_file_or_its_folder(folder: Path) -> None:
    (folder / "ours").mkdir()
    (folder / "ours" / "tinyops.yaml").write_text(WRONG)
    for named in ("ours", "ours/tinyops.yaml"):
        done = tinyops("run", named, "--workspace", "workspace")
        assert done.stderr.splitlines()[0] == "project: ours/tinyops.yaml"
        assert "trian: unknown key" in done.stderr


def test_the_demo_is_asked_for_or_what_a_folder_without_a_project_gets(folder: Path) -> None:
    assert tinyops("run").stderr.splitlines()[0] == (
        "demo: scikit-learn's handwritten digits, as this folder has no tinyops.yaml"
    )
    (folder / "tinyops.yaml").write_text(WRONG)
    done = tinyops("run", "--demo")
    assert done.stderr.splitlines()[0] == "demo: scikit-learn's handwritten digits"
    assert "workspace" in done.stderr
    assert "unknown key" not in done.stderr


def test_what_has_the_name_and_cannot_be_read_is_an_error_and_not_the_demo(folder: Path) -> None:
    (folder / "tinyops.yaml").symlink_to("gone.yaml")
    done = tinyops("run", "--workspace", "workspace")
    assert done.status == 1
    assert "demo" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["ours"], 1, "folder ours has no tinyops.yaml"),
        (["misnamed"], 1, "misnamed/tinyops.yml: a project's file is called tinyops.yaml"),
        (["nowhere.yaml"], 1, "nowhere.yaml does not exist"),
        (["ours/tinyops.yaml", "--demo"], 2, "are two projects"),
    ],
)
def test_no_project_is_guessed(folder: Path, arguments: list[str], status: int, said: str) -> None:
    (folder / "ours").mkdir()
    (folder / "misnamed").mkdir()
    (folder / "misnamed" / "tinyops.yml").touch()
    done = tinyops("run", *arguments, "--workspace", "workspace")
    assert done.status == status
    assert said in " ".join(done.stderr.split())


def test_the_makefile_runs_the_demo() -> None:
    makefile = Path(__file__).parents[3] / "Makefile"
    assert "tinyops run --demo\n" in makefile.read_text()
