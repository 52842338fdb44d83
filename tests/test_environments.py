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


@pytest.fixture
def kept_in(tmp_path: Path) -> Path:
    return tmp_path / "environments"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The environments that were made, one entry each time."""
    make, folders = environments._make, []

    def recorded(folder: Path, unfinished: Path, requirements: Path) -> None:
        folders.append(folder)
        make(folder, unfinished, requirements)

    monkeypatch.setattr(environments, "_make", recorded)
    return folders


def test_an_environment_has_an_interpreter_of_its_own(lock_file: Path, kept_in: Path) -> None:
    programs = environment("tools", lock_file, kept_in)
    prefix = subprocess.check_output([programs / "python", "-c", "import sys; print(sys.prefix)"], text=True)
    assert Path(prefix.strip()) == programs.parent


def test_those_who_want_it_at_once_share_what_the_first_makes(lock_file: Path, kept_in: Path, made: list[Path]) -> None:
    with ThreadPoolExecutor(3) as workers:
        programs = set(workers.map(lambda _: environment("tools", lock_file, kept_in), range(3)))
    assert len(programs) == len(made) == 1


def test_another_lock_file_gets_another_environment(lock_file: Path, kept_in: Path) -> None:
    first = environment("tools", lock_file, kept_in)
    lock_file.write_text("# nothing else\n")
    assert environment("tools", lock_file, kept_in) != first
    assert first.exists()


def test_one_that_was_interrupted_is_made_anew(
    lock_file: Path, kept_in: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = environments._run

    def interrupted(name: str, command: list[str | Path]) -> None:
        if "install" in command:
            raise KeyboardInterrupt
        run(name, command)

    with monkeypatch.context() as patched:
        patched.setattr(environments, "_run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            environment("tools", lock_file, kept_in)
    assert not made[0].exists()
    assert (environment("tools", lock_file, kept_in) / "python").exists()


def test_without_a_package_index_the_test_is_skipped(
    lock_file: Path, kept_in: Path, made: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    lock_file.write_text(MISSING)
    with pytest.raises(pytest.skip.Exception, match="does not reach its package index"):
        environment("tools", lock_file, kept_in)
    assert not made[0].exists()


def test_a_package_that_the_index_does_not_have_is_a_failure(
    lock_file: Path, kept_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    lock_file.write_text(MISSING)
    with pytest.raises(pytest.fail.Exception, match=r"tools-\w+ cannot be made"):
        environment("tools", lock_file, kept_in)
