from __future__ import annotations

import fcntl
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_deployer.ending import SIGNALS
from edge_deployer.errors import TinyopsError
from pipeline.cli.run import run
from tests.edge_deployer.cli.command import TINYOPS
from tests.processes import loaded_with


def test_the_command_module_imports_nothing_heavy() -> None:
    heavy = {"numpy", "pydantic", "yaml", "tensorflow", "tfx", "components"}
    assert not heavy & loaded_with("pipeline.cli.run")


def test_a_wrong_project_is_an_error_with_a_remedy(project: Callable, tmp_path: Path) -> None:
    config = project({"train.module": "absent.py"})
    with pytest.raises(TinyopsError, match=r"absent\.py"):
        run(config, workspace=tmp_path / "workspace", as_json=False)


@pytest.mark.parametrize("number", SIGNALS)
def test_warnings_come_before_anything_heavy_and_a_signal_is_answered_in_a_line_and_with_its_own_status(
    project: Callable, tmp_path: Path, number: signal.Signals
) -> None:
    config = project({"data.classes": ["off", "on", "broken"]})
    command = [TINYOPS, "run", config, "--workspace", tmp_path / "workspace"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("project: ")
        for split in ("train", "eval"):
            assert process.stderr.readline() == f"warning: split {split} has no samples of class broken\n"
        assert "loading" in process.stderr.readline()
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 128 + number
    assert said.splitlines()[-1].startswith(f"stopped by {number.name}; what was finished is kept")
    assert "Traceback" not in said


def test_a_run_that_was_killed_does_not_keep_its_workspace(project: Callable, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    command = [TINYOPS, "run", project(), "--workspace", workspace]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("project: ")
        assert "loading" in process.stderr.readline()
        process.kill()
    # Held until the worker has ended, which nobody waits for but this.
    with (workspace / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert not (workspace / "metadata.sqlite").exists(), "the worker went on to the first component"


def test_a_workspace_that_is_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TinyopsError, match="file cannot be made") as refused:
        run(None, workspace=tmp_path / "file", as_json=False)
    assert "--workspace" in refused.value.remedy
