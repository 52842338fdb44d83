"""Runs the project's own commands."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from edge_deployer.child_process import end_session
from edge_deployer.ending import Ended, waited_for
from edge_deployer.errors import TinyopsError

_CLEAN_UP_S = 15.0
_STDERR = 2


def run_command(command: str, folder: Path, variables: Mapping[str, str]) -> None:
    """Run a command and show what it says, on stderr: stdout is for the outcome.

    Raises:
        TinyopsError: it cannot be started, or fails.
        Ended: a signal stopped it; it and its children have ended.
    """
    process = None
    try:
        # A signal that comes while the command starts waits until there is a process to end.
        with waited_for(""):
            process = _start(command, folder, variables)
        status = process.wait()
    except Ended:
        if process is not None:
            with waited_for(f"`{command}` to end"):
                end_session(process, grace_s=_CLEAN_UP_S, interrupt=True)
        raise
    if status != 0:
        raise TinyopsError(
            f"`{command}` ended with exit status {status}", remedy=f"run it in {folder} and mend what it names"
        )


def _start(command: str, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        # A signal reaches this process alone, which then ends the command with all its children.
        return subprocess.Popen(
            shlex.split(command),
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise TinyopsError(f"`{command}` cannot be started: {error}", remedy="correct it in section ci") from error
