"""Asks git."""

from __future__ import annotations

import subprocess
from pathlib import Path


def run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder; its exit status is the caller's to look at.

    Raises:
        OSError: there is no git, or it cannot be started.
    """
    return subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
