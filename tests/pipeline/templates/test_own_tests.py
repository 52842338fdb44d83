"""The templates' own tests, run as a user runs them: beside the modules, in a process of their own."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.pipeline.templates.whole_run import TEMPLATES, template_names


def test_the_templates_own_tests_pass() -> None:
    folders = [str(TEMPLATES / name) for name in template_names()]
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=prepend", *folders]
    done = subprocess.run(command, cwd=TEMPLATES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(r"\d+ passed.*", done.stdout.splitlines()[-1])


def test_every_template_has_tests() -> None:
    assert all(list((TEMPLATES / name).glob("test_*.py")) for name in template_names())
