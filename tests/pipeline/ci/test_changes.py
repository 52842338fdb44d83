from __future__ import annotations

import os

import numpy as np
import pytest
import yaml

from edge_deployer.errors import TinyopsError
from tests.pipeline.ci.conftest import Delivered
from tests.pipeline.git_project import commit_all, git


@pytest.fixture
def finished(delivered: Delivered) -> Delivered:
    """A project that has been delivered once."""
    assert delivered.approved()["outcome"] == "done"
    return delivered


def plan(delivered: Delivered, *arguments: str) -> tuple[list[str], list[str]]:
    """What --plan says changed, and the steps."""
    said = delivered.outcome("--plan", "--approved-by", "Ada", *arguments)
    assert (delivered.commands, delivered.calls, delivered.server.requests) == ([], [], [])
    return said["changes"], said["plan"]


RUN = ["compile", "verify", "register", "run", "wait", "report"]


def test_the_first_time_everything_counts_as_changed(delivered: Delivered) -> None:
    changes, steps = plan(delivered)
    assert changes == ["code", "data"]
    assert steps == ["lint", "tests", *RUN]


def test_nothing_changed_is_said_and_nothing_runs(finished: Delivered) -> None:
    outcome = finished.approved()
    assert (outcome["outcome"], outcome["changes"], outcome["steps"]) == ("unchanged", [], [])
    assert finished.server.requests == []
    assert "nothing changed" in finished.ci("--plan").stdout


@pytest.mark.parametrize("name", ["README.md", "docs/guide.txt", "deep/er.md", "LICENSE"])
def test_documentation_is_linted(finished: Delivered, name: str) -> None:
    finished.change(name)
    assert plan(finished) == (["documentation"], ["lint"])


@pytest.mark.parametrize("name", ["vibration.py", "Makefile", "docs.py"])
def test_a_file_that_is_not_documentation_is_code(finished: Delivered, name: str) -> None:
    finished.change(name, "x = 1")
    assert plan(finished) == (["code"], ["lint", "tests", *RUN])


def test_what_is_documentation_is_the_projects_to_say(finished: Delivered) -> None:
    finished.configure(documentation=["notes/*"])
    finished.approved()
    finished.change("notes/a.py")
    assert plan(finished)[0] == ["documentation"]
    finished.change("README.md")
    assert plan(finished)[0] == ["code", "documentation"]


def test_a_data_file_in_git_is_data_and_no_code(finished: Delivered) -> None:
    np.savez(finished.folder / "data.npz", sound=np.zeros((60, 4)), kind=np.arange(60) % 2)
    commit_all(finished.folder)
    assert plan(finished) == (["data"], RUN)


def test_a_data_file_that_git_does_not_know_is_seen_by_its_fingerprint(delivered: Delivered) -> None:
    (delivered.folder / ".gitignore").write_text("data.npz\n")
    git(delivered.folder, "rm", "--quiet", "--cached", "data.npz")
    commit_all(delivered.folder)
    delivered.approved()
    assert plan(delivered) == ([], [])
    np.savez(delivered.folder / "data.npz", sound=np.zeros((60, 4)), kind=np.arange(60) % 2)
    assert plan(delivered) == (["data"], RUN)


def test_data_that_is_elsewhere_is_not_guessed_at(delivered: Delivered) -> None:
    git(delivered.folder, "rm", "--quiet", "data.npz")
    commit_all(delivered.folder)
    assert plan(delivered)[0] == ["code"]
    delivered.approved()
    assert plan(delivered) == ([], [])
    assert "cannot be read on this machine" in delivered.ci("--plan").stdout


def test_data_that_is_away_for_once_did_not_change(finished: Delivered) -> None:
    (finished.folder / ".gitignore").write_text("data.npz\n")
    git(finished.folder, "rm", "--quiet", "--cached", "data.npz")
    commit_all(finished.folder)
    (finished.folder / "data.npz").rename(finished.log.parent / "data.npz")
    finished.approved()
    (finished.log.parent / "data.npz").rename(finished.folder / "data.npz")
    assert plan(finished) == ([], [])
    np.savez(finished.folder / "data.npz", sound=np.zeros((60, 4)), kind=np.arange(60) % 2)
    assert plan(finished)[0] == ["data"]


def test_data_that_is_there_for_the_first_time_is_remembered_and_did_not_change(delivered: Delivered) -> None:
    (delivered.folder / ".gitignore").write_text("data.npz\n")
    git(delivered.folder, "rm", "--quiet", "data.npz")
    commit_all(delivered.folder)
    delivered.approved()
    for value, changes in ((0, []), (1, ["data"])):
        np.savez(delivered.folder / "data.npz", sound=np.full((60, 4), value), kind=np.arange(60) % 2)
        assert plan(delivered)[0] == changes
        delivered.outcome()


def test_data_in_a_bucket_is_seen_by_its_contents(delivered: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = {"minio://bucket/data.npz": b"first"}
    monkeypatch.setattr("components.object_store._copy", lambda path, to: to.write(bucket[path]))
    delivered.on_kubeflow(data_file="minio://bucket/data.npz")
    delivered.approved()
    assert plan(delivered) == ([], [])
    bucket["minio://bucket/data.npz"] = b"second"
    assert plan(delivered) == (["data"], RUN)


@pytest.mark.parametrize("data_file", ["minio://bucket/data.npz", "/data/data.npz"])
def test_a_local_file_says_nothing_of_data_that_a_run_reads_elsewhere(
    delivered: Delivered, monkeypatch: pytest.MonkeyPatch, data_file: str
) -> None:
    def nobody_answers(path: str, _to: object) -> None:
        raise TinyopsError(f"{path} cannot be read", remedy="check the keys")

    monkeypatch.setattr("components.object_store._copy", nobody_answers)
    delivered.on_kubeflow(data_file=data_file)
    delivered.approved()
    assert "cannot be read on this machine" in delivered.ci("--plan").stdout


def test_a_schedule_runs_the_pipeline_though_nothing_changed(finished: Delivered) -> None:
    assert plan(finished, "--trigger", "schedule") == (["schedule"], RUN)


def test_a_commit_takes_the_place_of_what_was_finished(finished: Delivered) -> None:
    first = git(finished.folder, "rev-parse", "HEAD")
    finished.change("vibration.py", "x = 1")
    finished.change("README.md")
    assert plan(finished, "--since", "HEAD~1")[0] == ["documentation"]
    assert plan(finished, "--since", first)[0] == ["code", "documentation"]


def test_a_commit_without_a_memory_says_nothing_of_data(delivered: Delivered) -> None:
    delivered.change("README.md")
    assert plan(delivered, "--since", "HEAD~1")[0] == ["documentation"]


def test_a_commit_that_does_not_exist_is_an_error(delivered: Delivered) -> None:
    assert "--since 123456 is not a commit" in delivered.refused("--since", "123456").message


def test_history_that_was_written_anew_counts_as_changed(finished: Delivered) -> None:
    finished.change("README.md")
    git(finished.folder, "commit", "--quiet", "--amend", "--message", "other")
    assert plan(finished)[0] == ["documentation"]
    state = finished.log.parent / "workspace" / "ci" / "state.json"
    state.write_text(state.read_text().replace(git(finished.folder, "rev-parse", "HEAD~1"), "0" * 40))
    changes, steps = plan(finished)
    assert (changes, steps[0]) == (["code"], "lint")


def test_changes_that_are_not_committed_count_too(finished: Delivered) -> None:
    (finished.folder / "vibration.py").write_text("x = 2")
    assert plan(finished)[0] == ["code"]


def test_a_state_that_is_none_is_an_error(finished: Delivered) -> None:
    (finished.log.parent / "workspace" / "ci" / "state.json").write_text("{}}")
    assert "delete it" in finished.refused().remedy


def test_a_folder_of_recordings_is_data_by_its_contents_and_not_by_its_times(delivered: Delivered) -> None:
    recordings = delivered.folder / "recordings"
    for name in ("idle_a_0.wav", "worn_a_0.wav"):
        delivered.change(f"recordings/{name}", name)
    contents = yaml.safe_load((delivered.folder / "tinyops.yaml").read_text())
    contents["data"] = {"kind": "audio", "source": "recordings", "names": "{label}_{machine}_{take}", "label": "label"}
    contents["data"] |= {"input": "sound", "classes": ["idle", "worn"]}
    contents["kubeflow"].pop("data_file", None)
    delivered.change("tinyops.yaml", yaml.safe_dump(contents))
    delivered.approved()
    assert plan(delivered) == ([], [])
    for file in recordings.iterdir():
        os.utime(file, (0, 0))
    assert plan(delivered) == ([], [])
    delivered.change("recordings/worn_a_0.wav", "other")
    assert plan(delivered) == (["data"], RUN)
