"""What `.ci/set-up` does with a machine that is not ready for it, and how it goes on."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.set_up.machine import ROOT, Machine

NO_NETWORK = (
    "echo 'WARNING: Retrying after connection broken by NewConnectionError' >&2;"
    "echo 'ERROR: No matching distribution found for uv' >&2; exit 1"
)


@pytest.fixture
def machine(machine: Machine) -> Machine:
    machine.python("3.13")
    for path in ("requirements/bootstrap.txt", "requirements/python3.13/dev.txt"):
        (machine.checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.checkout / path).touch()
    return machine


def ready(machine: Machine) -> Path:
    return machine.checkout / ".venv" / "ready"


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The last line; before it stands only which Python it is, and that set-up begins."""
    *before, last = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert len(before) <= 2
    assert last.startswith("error: ")
    return last


def test_an_environment_is_made_from_the_lock_of_the_python_that_is_there(machine: Machine) -> None:
    done = machine.run("set-up")
    assert done.returncode == 0, done.stderr
    assert ready(machine).exists()
    installed = [call for call in machine.calls if call.startswith("uv pip install")]
    assert "--require-hashes -r requirements/python3.13/dev.txt" in installed[0]
    assert installed[1].endswith("--editable .")


def test_without_a_python_nothing_is_begun(machine: Machine) -> None:
    (machine.programs / "python3.13").unlink()
    assert "tinyops needs Python 3.13" in refusal(machine.run("set-up"))
    assert not (machine.checkout / ".venv").exists()


def test_without_a_compiler_nothing_is_begun(machine: Machine) -> None:
    (machine.programs / "c++").unlink()
    said = refusal(machine.run("set-up"))
    assert (
        said
        == "error: no C++ compiler (c++), which two packages of TFX need: apt-get install g++, or dnf install gcc-c++"
    )
    assert not (machine.checkout / ".venv").exists()


def test_without_pythons_headers_nothing_is_begun(machine: Machine) -> None:
    (machine.folder / "include" / "Python.h").unlink()
    assert refusal(machine.run("set-up")).endswith("Python.h is missing: apt-get install python3.13-dev")
    assert not (machine.checkout / ".venv").exists()


def test_without_a_network_it_is_one_line_and_the_next_time_goes_on(machine: Machine) -> None:
    machine.python("3.13", pip=NO_NETWORK)
    said = refusal(machine.run("set-up"))
    assert "the index of Python packages is not in reach" in said
    assert "Log: build/set-up.log" in said
    assert "NewConnectionError" in (machine.checkout / "build" / "set-up.log").read_text()
    assert not ready(machine).exists()
    machine.python("3.13")
    assert machine.run("set-up").returncode == 0
    assert ready(machine).exists()


def test_another_failure_is_the_last_line_of_what_was_said(machine: Machine) -> None:
    machine.python("3.13", pip="echo pages; echo 'ERROR: THESE PACKAGES DO NOT MATCH THE HASHES'; echo; exit 1")
    said = refusal(machine.run("set-up"))
    assert said == "error: set-up failed: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES. Log: build/set-up.log"


def test_half_an_environment_is_made_anew(machine: Machine) -> None:
    half = machine.checkout / ".venv" / "lib" / "half a package"
    half.parent.mkdir(parents=True)
    half.touch()
    assert machine.run("set-up").returncode == 0
    assert ready(machine).exists()
    assert not half.exists()


def test_a_whole_environment_is_brought_up_to_date(machine: Machine) -> None:
    machine.run("set-up")
    kept = machine.checkout / ".venv" / "kept"
    kept.touch()
    before = len(machine.calls)
    assert machine.run("set-up").returncode == 0
    assert kept.exists()
    assert any("dev.txt" in call for call in machine.calls[before:])


def test_an_update_that_does_not_end_leaves_no_environment_that_passes_for_ready(machine: Machine) -> None:
    machine.run("set-up")
    machine.command("uv-of-the-lock", "exit 1")
    (machine.checkout / ".venv" / "bin" / "uv").write_text("#!/bin/sh\nexit 1\n")
    refusal(machine.run("set-up"))
    assert not ready(machine).exists()


def test_another_python_gets_an_environment_of_its_own(machine: Machine) -> None:
    machine.run("set-up")
    kept = machine.checkout / ".venv" / "kept"
    kept.touch()
    machine.python("3.10")
    assert machine.run("set-up", PYTHON="python3.10").returncode == 0
    assert not kept.exists()
    assert any("requirements/python3.10/dev.txt" in call for call in machine.calls)


def test_make_sets_up_again_only_for_another_python_or_one_that_is_gone(machine: Machine) -> None:
    """What make takes for ready, without running anything."""
    shutil.copy(ROOT / "Makefile", machine.checkout)
    (machine.checkout / "pyproject.toml").touch()

    def sets_up(*named: str) -> bool:
        done = subprocess.run(
            ["make", "--dry-run", "setup", *named],
            cwd=machine.checkout,
            env={"PATH": f"{machine.programs}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return ".ci/set-up" in done.stdout

    assert sets_up()
    machine.run("set-up", PYTHON="python3.13")
    assert not sets_up()
    assert not sets_up("PYTHON=python3.13")
    assert sets_up("PYTHON=python3.10")
    (machine.checkout / ".venv" / "bin" / "python").unlink()
    assert sets_up()
