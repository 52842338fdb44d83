"""The project's own workflow and the wrappers of `tinyops ci`, as their makers' schemas and zizmor see them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.environments import environment

ROOT = Path(__file__).parents[2]
WRAPPERS = ROOT / "kubernetes" / "ci"
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").iterdir()), WRAPPERS / "github.yml"]
SCHEMAS = dict.fromkeys(WORKFLOWS, "vendor.github-workflows") | {WRAPPERS / "gitlab.yml": "vendor.gitlab-ci"}
CHECKS = ROOT / ".github" / "workflows" / "checks.yml"


@pytest.fixture(scope="session")
def programs() -> Path:
    return environment("workflows", ROOT / "requirements" / "workflows.txt")


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_follows_the_schema_of_its_ci_system(programs: Path, file: Path) -> None:
    command = [programs / "check-jsonschema", "--builtin-schema", SCHEMAS[file], file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing(programs: Path) -> None:
    """Without strict collection it would pass over a file that it cannot read."""
    command = [programs / "zizmor", "--offline", "--strict-collection", "--persona", "pedantic", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_is_linted_and_tested_on_both_pairs() -> None:
    job = yaml.safe_load(CHECKS.read_text())["jobs"]["checks"]
    assert [pair["python"] for pair in job["strategy"]["matrix"]["include"]] == ["3.10", "3.13"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert {"make lint", "make test"} <= set(commands)


def test_what_the_workflow_calls_in_this_repository_is_there() -> None:
    for step in yaml.safe_load(CHECKS.read_text())["jobs"]["checks"]["steps"]:
        said = f"{step.get('run', '')} {' '.join(step.get('env', {}).values())}"
        for word in said.split():
            assert not word.startswith(".ci/") or (ROOT / word).is_file(), word
