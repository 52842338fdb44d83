from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from edge_deployer.errors import TinyopsError

from pipeline.commands import run


def test_the_command_module_imports_nothing_heavy() -> None:
    program = (
        "import sys, pipeline.commands\n"
        "print(*{'numpy', 'pydantic', 'yaml', 'tensorflow', 'tfx', 'components'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == ""


def test_a_wrong_project_is_an_error_with_a_remedy(project: Callable, tmp_path: Path) -> None:
    config = project({"train.module": "absent.py"})
    with pytest.raises(TinyopsError, match=r"absent\.py"):
        run(config, workspace=tmp_path / "workspace", as_json=False)
