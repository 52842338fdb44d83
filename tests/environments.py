"""Virtual environments for programs whose dependencies clash with ours.

Each is made once, whichever of the processes that run tests comes first, and kept for the next run.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KEPT = Path(__file__).resolve().parents[1] / "build" / "environments"

_UV = Path(sys.executable).with_name("uv")
_UNREACHABLE = ("error sending request", "network was disabled")


def environment(name: str, requirements: Path, kept_in: Path = KEPT) -> Path:
    """The programs of an environment with what a lock file lists; skips the test where no package index is in reach.

    Args:
        name: what it is called in messages and in `kept_in`.
        requirements: its lock file, with hashes. Another lock file or interpreter gets another environment.
        kept_in: the folder where environments are kept.

    Returns:
        Its folder `bin`.
    """
    folder = kept_in / f"{name}-{_key(requirements)}"
    kept_in.mkdir(parents=True, exist_ok=True)
    with (kept_in / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _make(folder, kept_in / f"{name}.unfinished", requirements)
    return folder / "bin"


def _key(requirements: Path) -> str:
    interpreter = f"{sys.base_prefix} {sys.version}"
    return hashlib.sha256(requirements.read_bytes() + interpreter.encode()).hexdigest()[:12]


def _make(folder: Path, unfinished: Path, requirements: Path) -> None:
    """Make it aside and move it, so that one that was interrupted is never taken for a whole one."""
    shutil.rmtree(unfinished, ignore_errors=True)
    # Relocatable: else its programs would name the interpreter by the path from which it is moved.
    _run(folder.name, [_UV, "venv", "--quiet", "--relocatable", "--python", sys.executable, unfinished])
    install = [_UV, "pip", "install", "--quiet", "--compile-bytecode", "--python", unfinished / "bin" / "python"]
    _run(folder.name, [*install, "--require-hashes", "-r", requirements])
    unfinished.rename(folder)


def _run(name: str, command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr for word in _UNREACHABLE):
        pytest.skip("uv does not reach its package index")
    if done.returncode:
        pytest.fail(f"the environment {name} cannot be made: {done.stderr}", pytrace=False)
