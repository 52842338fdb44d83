"""What processes do: whether they run, what they import, and waiting for something of the kind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_S = 120


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails when it takes too long for any machine."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


def runs(pid: int) -> bool:
    """Whether a process runs or is stopped; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_the_end_of(pid: int) -> None:
    wait_until(lambda: not runs(pid))


def loaded_with(module: str) -> set[str]:
    """All modules that a new process has once it has imported this one."""
    command = [sys.executable, "-c", f"import sys, {module}\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
