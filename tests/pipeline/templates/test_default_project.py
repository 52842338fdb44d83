"""The default project's own tests, run as a user runs them: beside the module, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys

from pipeline.project.config import DEFAULT_CONFIG


def test_the_default_projects_own_tests_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=prepend", str(DEFAULT_CONFIG.parent)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        command, cwd=DEFAULT_CONFIG.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
