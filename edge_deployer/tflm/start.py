"""The two ways to start TFLM's child. What they start is the same: requests at fd 0, replies at fd 1, words at fd 2."""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Protocol

from edge_deployer.child_process import drop_inheritance, module_command
from edge_deployer.tflm.errors import does_not_start

_WORKER = "edge_deployer.tflm.worker"
# The child multiplies nothing with numpy; making the threads for it is a fifth of its start.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_PR_SET_PDEATHSIG = 1


class Process(Protocol):
    """As much of `subprocess.Popen` as the parent uses."""

    @property
    def pid(self) -> int:
        """Its number."""

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it was waited for."""

    def kill(self) -> None:
        """Send SIGKILL, unless it was waited for."""

    def wait(self) -> int:
        """Wait for the end: the exit status, or the signal's number below 0."""


Start = Callable[[int, int, int], Process]
"""Starts a child with these descriptors as its 0, 1 and 2."""


def spawned(stdin: int, stdout: int, stderr: int) -> Process:
    """A fresh interpreter: right in any process, and costs its imports."""
    return subprocess.Popen(
        module_command(_WORKER), stdin=stdin, stdout=stdout, stderr=stderr, env={**os.environ, **_ENVIRONMENT}
    )


def forked(stdin: int, stdout: int, stderr: int) -> Process:
    """A copy of this process, which costs next to nothing after `preload`.

    Where this process has other threads the child is spawned: a copy could wait for ever for a lock that one of them
    held.
    """
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        return spawned(stdin, stdout, stderr)
    pid = os.fork()
    if pid == 0:
        _be_child(stdin, stdout, stderr)
    return _Forked(pid)


def preload() -> None:
    """Import what a child needs, once for all that are forked from this process and from its children.

    Raises:
        TinyopsError: TFLM cannot be imported.
    """
    try:
        importlib.import_module(_WORKER)
    except ImportError as error:
        raise does_not_start(type(error).__name__, str(error)) from error


class _Forked:
    """A child of `os.fork`.

    Args:
        pid: its number.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def send_signal(self, sig: int) -> None:
        # Once waited for, the number may be another process's.
        if self._status is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def _be_child(stdin: int, stdout: int, stderr: int) -> NoReturn:
    """The forked child's whole life."""
    try:
        for target, source in enumerate((stdin, stdout, stderr)):
            os.dup2(source, target)
        drop_inheritance()
        # The end of stdin is not noticed by a model that loops for ever. Source of the number: linux/prctl.h.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        importlib.import_module(_WORKER).serve()
    finally:
        # The fork must not unwind into the parent's code: whatever happened, it ends here.
        sys.excepthook(*sys.exc_info())
        os._exit(1)
