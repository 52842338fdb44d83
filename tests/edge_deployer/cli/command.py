"""The command line for tests: as a process of its own, or in this one, which saves the imports."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from edge_deployer.cli import main

TINYOPS = Path(sys.executable).with_name("tinyops")


class Done(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


def tinyops(*arguments: str | Path) -> Done:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    call = ["tinyops", *map(str, arguments)]
    with patch("sys.argv", call), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main()
    status = ended.value.code
    assert isinstance(status, int)
    return Done(status, out.getvalue(), err.getvalue())


def tinyops_process(*arguments: str | Path, cwd: Path, program: Path = TINYOPS) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does.

    Args:
        arguments: of the command.
        cwd: the working folder.
        program: of which install.
    """
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    command = [str(part) for part in (program, *arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done
