"""Virtual environments for tests: each is made once, kept between runs, and made anew when its lock file changes."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
_UV: Final = Path(sys.executable).with_name("uv")
_KEPT_IN: Final = ROOT / "build" / "environments"
# What uv says where it does not get through to a package index.
_UNREACHABLE: Final = (
    "Failed to fetch",
    "Could not connect",
    "error sending request",
    "dns error",
    "Network is",
    "network was",
)


def environment(name: str, requirements: Path) -> Path:
    """The folder of programs of an environment with what a lock file lists.

    Args:
        name: of the environment; a changed lock file or another Python makes another one.
        requirements: the lock file, with hashes.

    Skips the test where no package index is in reach.
    """
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = _KEPT_IN / f"{name}-{wanted}"
    _KEPT_IN.mkdir(parents=True, exist_ok=True)
    # Of the processes that want it at once, one makes it and the others wait.
    with (_KEPT_IN / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "ready"
        if not ready.exists():
            for outdated in _KEPT_IN.glob(f"{name}-*"):
                shutil.rmtree(outdated)
            _uv("venv", "--python", sys.executable, "--seed", folder)
            install(folder / "bin", "--require-hashes", "--requirement", requirements)
            ready.touch()
    return folder / "bin"


def install(programs: Path, *what: str | Path) -> None:
    """Install into an environment.

    Args:
        programs: see `environment`.
        what: arguments for `uv pip install`.
    """
    _uv("pip", "install", "--compile-bytecode", "--python", programs / "python", *what)


def _uv(*arguments: str | Path) -> None:
    command = [str(part) for part in (_UV, "--quiet", *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr for word in _UNREACHABLE):
        pytest.skip("uv does not reach its package index")
    assert done.returncode == 0, done.stderr
