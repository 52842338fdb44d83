from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.cli.run import run


def test_the_command_module_imports_nothing_heavy() -> None:
    program = (
        "import sys, pipeline.cli.run\n"
        "print(*{'numpy', 'pydantic', 'yaml', 'tensorflow', 'tfx', 'components'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == ""


def test_a_wrong_project_is_an_error_with_a_remedy(project: Callable, tmp_path: Path) -> None:
    config = project({"train.module": "absent.py"})
    with pytest.raises(TinyopsError, match=r"absent\.py"):
        run(config, workspace=tmp_path / "workspace", as_json=False)


def test_warnings_come_before_anything_heavy_and_ctrl_c_is_answered_in_a_line_and_with_its_own_status(
    project: Callable, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", "import typer; from pipeline.cli.run import run; typer.run(run)"]
    process = subprocess.Popen(
        [*command, project({"data.classes": ["off", "on", "broken"]}), "--workspace", tmp_path / "workspace"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr.readline().startswith("project: ")
        for split in ("train", "eval"):
            assert process.stderr.readline() == f"warning: split {split} has no samples of class broken\n"
        assert "loading" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("stopped;")
    assert "Traceback" not in said


def test_a_workspace_that_is_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TinyopsError, match="file cannot be made") as refused:
        run(None, workspace=tmp_path / "file", as_json=False)
    assert "--workspace" in refused.value.remedy
