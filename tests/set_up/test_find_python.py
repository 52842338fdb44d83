"""Which Python `.ci/find-python` takes on which machine, and what it says."""

from __future__ import annotations

import subprocess

import pytest

from tests.set_up.machine import Machine

OLD_GLIBC = "TFX 1.21 needs glibc 2.39, this machine has 2.36"


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on stderr."""
    (line,) = done.stderr.splitlines()
    return line


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    text = done.stderr.splitlines()[-1]
    assert text.startswith("error: ")
    return text


def test_the_newest_pair_is_taken(machine: Machine) -> None:
    machine.python("3.10")
    newest = machine.python("3.13")
    done = machine.run("find-python")
    assert (done.returncode, done.stdout) == (0, f"{newest}\n")
    assert said(done) == "Python 3.13 with TFX 1.21"


def test_an_old_glibc_leaves_the_older_pair_and_is_named(machine: Machine) -> None:
    older, _ = machine.python("3.10"), machine.python("3.13")
    machine.libc("2.36")
    done = machine.run("find-python")
    assert done.stdout == f"{older}\n"
    assert said(done) == f"Python 3.10 with TFX 1.16: {OLD_GLIBC}"


@pytest.mark.parametrize(("glibc", "version"), [("2.38", "3.10"), ("2.39", "3.13"), ("2.100", "3.13")])
def test_glibc_is_compared_as_numbers(machine: Machine, glibc: str, version: str) -> None:
    for one in ("3.10", "3.13"):
        machine.python(one)
    machine.libc(glibc)
    assert machine.run("find-python").stdout.endswith(f"/python{version}\n")


def test_where_the_newest_is_not_installed_the_older_one_is_taken(machine: Machine) -> None:
    machine.python("3.10")
    assert said(machine.run("find-python")) == "Python 3.10 with TFX 1.16: there is no Python 3.13 that runs"


def test_a_broken_shim_hides_no_python_behind_it(machine: Machine) -> None:
    machine.command("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    behind = machine.python("3.13", machine.folder / "usr bin" / "python3.13")
    done = machine.run("find-python", PATH=f"{machine.programs}:{behind.parent}")
    assert done.stdout == f"{behind}\n"
    assert said(done) == "Python 3.13 with TFX 1.21"


@pytest.mark.parametrize("place", [".pyenv/versions/3.13.2/bin", "checkout/build/pythons/cpython-3.13.9-linux/bin"])
def test_pythons_beyond_path_are_found(machine: Machine, place: str) -> None:
    there = machine.python("3.13", machine.folder / place / "python3.13")
    assert machine.run("find-python").stdout == f"{there}\n"


def test_a_python_under_a_general_name_is_found(machine: Machine) -> None:
    there = machine.python("3.13", machine.programs / "python3")
    assert machine.run("find-python").stdout == f"{there}\n"


def test_a_python_that_makes_no_environments_is_named_with_the_package_that_lacks(machine: Machine) -> None:
    lacking = machine.python("3.13", venv=False)
    machine.python("3.10")
    why = f"{lacking} has no venv and ensurepip (apt-get install python3.13-venv)"
    assert said(machine.run("find-python")) == f"Python 3.10 with TFX 1.16: {why}"


def test_python_names_one(machine: Machine) -> None:
    machine.python("3.13")
    named = machine.python("3.10", machine.folder / "elsewhere" / "python")
    done = machine.run("find-python", PYTHON=str(named))
    assert done.stdout == f"{named}\n"
    assert said(done) == "Python 3.10 with TFX 1.16: PYTHON names it"


def test_a_named_python_that_cannot_be_taken_is_one_line(machine: Machine) -> None:
    machine.python("3.12")
    machine.python("3.13", venv=False)
    broken = machine.command("shim", "exit 127")
    for name, text in (
        ("python3.12", "is Python 3.12, and TFX needs Python 3.13 or 3.10"),
        ("python3.13", "has no venv and ensurepip (apt-get install python3.13-venv)"),
        (str(broken), "does not run"),
        ("nowhere", "does not run"),
    ):
        assert said(machine.run("find-python", PYTHON=name)) == f"error: PYTHON={name} {text}"
    machine.libc("2.36")
    assert OLD_GLIBC in refusal(machine.run("find-python", PYTHON="python3.13"))


def test_where_there_is_none_uv_brings_the_newest(machine: Machine) -> None:
    brought = machine.checkout / "build/pythons/cpython-3.13.9-linux-x86_64-gnu/bin/python3.13"
    template = machine.python("3.13", machine.folder / "template")
    copied = f'mkdir -p "{brought.parent}"; cat "{template}" >"{brought}"; chmod +x "{brought}"'
    machine.command("uv", f'echo "uv $*" >>"{machine.folder / "calls"}"; {copied}')
    done = machine.run("find-python")
    assert done.stdout == f"{brought}\n", done.stderr
    assert any(call.startswith("uv --quiet python install") and call.endswith(" 3.13") for call in machine.calls)
    first, last = done.stderr.splitlines()
    assert first.startswith("Downloading Python 3.13 to build/pythons: there is no Python 3.13 that runs; ")
    assert last == "Python 3.13 with TFX 1.21: downloaded"


@pytest.mark.parametrize(
    ("uv", "lost"),
    [(True, "`uv python install 3.10` does not reach its download"), (False, "no python3 here can install uv")],
)
def test_where_nothing_is_to_be_had_one_message_says_how_else(machine: Machine, uv: bool, lost: str) -> None:
    machine.libc("2.36")
    if uv:
        machine.command("uv", "echo 'error: a page of Rust' >&2; exit 2")
    text = refusal(machine.run("find-python"))
    assert text.startswith(f"error: tinyops needs Python 3.10 ({OLD_GLIBC}; ")
    assert f"{lost}. Get it with `apt-get install python3.10-venv" in text
    assert "PYTHON=/path/to/python3.10" in text


def test_any_python3_brings_the_uv_of_the_lock_and_is_not_taken_itself(machine: Machine) -> None:
    other = machine.python("3.12", machine.programs / "python3")
    text = refusal(machine.run("find-python"))
    assert "`uv python install 3.13` does not reach its download" in text
    assert f"{other} -m venv --clear {machine.checkout}/build/uv" in machine.calls
    assert any("--require-hashes" in call and call.endswith("requirements/bootstrap.txt") for call in machine.calls)
    assert any(call.startswith("uv --quiet python install") for call in machine.calls)


@pytest.mark.parametrize(("system", "processor"), [("Darwin", "arm64"), ("Linux", "aarch64"), ("MINGW64_NT", "x86_64")])
def test_where_no_tflm_is_a_container_takes_its_place(machine: Machine, system: str, processor: str) -> None:
    machine.python("3.13")
    machine.command("uname", f'case "$1" in -s) echo {system} ;; *) echo {processor} ;; esac')
    done = machine.run("find-python")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no TensorFlow Lite Micro for {system} {processor}" in done.stderr
    assert "docker build --platform linux/amd64 --file kubernetes/images/tinyops.Containerfile" in done.stderr
    assert "emulation is untried" in done.stderr


def test_another_libc_is_named(machine: Machine) -> None:
    machine.command("getconf", "echo 'getconf: unknown variable' >&2; exit 1")
    assert "needs glibc" in refusal(machine.run("find-python"))


def test_a_glibc_that_no_pair_runs_on_is_named(machine: Machine) -> None:
    machine.libc("2.31")
    text = refusal(machine.run("find-python"))
    assert "TFX 1.16 needs glibc 2.34, this machine has 2.31" in text
