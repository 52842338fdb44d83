from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import environments
from tests.environments import environment

# A package that nobody can have: what is asked for it never comes from a cache.
MISSING = f"no-such-package-of-tinyops==1 --hash=sha256:{'0' * 64}\n"


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    """One that asks for nothing, so that no package index is needed."""
    path = tmp_path / "lock.txt"
    path.write_text("# nothing\n")
    return path


@pytest.fixture(autouse=True)
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | Path, ...]]:
    """What uv was asked to make, in a folder of the test's own."""
    monkeypatch.setattr(environments, "_KEPT_IN", tmp_path / "environments")
    uv, asked = environments._uv, []

    def recorded(*arguments: str | Path) -> None:
        if arguments[0] == "venv":
            asked.append(arguments)
        uv(*arguments)

    monkeypatch.setattr(environments, "_uv", recorded)
    return asked


def test_an_environment_has_an_interpreter_of_its_own(lock_file: Path) -> None:
    programs = environment("tools", lock_file)
    prefix = subprocess.check_output([programs / "python", "-c", "import sys; print(sys.prefix)"], text=True)
    assert Path(prefix.strip()) == programs.parent


def test_those_who_want_it_at_once_share_what_the_first_makes(
    lock_file: Path, made: list[tuple[str | Path, ...]]
) -> None:
    with ThreadPoolExecutor(3) as workers:
        programs = set(workers.map(lambda _: environment("tools", lock_file), range(3)))
    assert len(programs) == len(made) == 1


def test_another_lock_file_gets_another_environment(lock_file: Path) -> None:
    first = environment("tools", lock_file)
    lock_file.write_text("# nothing else\n")
    assert environment("tools", lock_file) != first


def test_one_that_was_interrupted_is_made_anew(
    lock_file: Path, made: list[tuple[str | Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: str | Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(environments, "install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            environment("tools", lock_file)
    assert (environment("tools", lock_file) / "python").exists()
    assert len(made) == 2


def test_without_a_package_index_the_test_is_skipped(lock_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    lock_file.write_text(MISSING)
    for _ in range(2):
        with pytest.raises(pytest.skip.Exception, match="does not reach its package index"):
            environment("tools", lock_file)


def test_a_package_that_the_index_does_not_have_is_a_failure(
    lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    lock_file.write_text(MISSING)
    with pytest.raises(AssertionError, match="no-such-package-of-tinyops"):
        environment("tools", lock_file)
