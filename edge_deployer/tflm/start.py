"""The two ways to start TFLM's child. What they start is the same: requests at fd 0, replies at fd 1, words at fd 2."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Union

from edge_deployer.child_process import Forked, drop_inheritance, end_with, fork, module_command
from edge_deployer.tflm.errors import does_not_start

_WORKER = "edge_deployer.tflm.worker"
# The child multiplies nothing with numpy; making the threads for it is a fifth of its start.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}


Process = Union["subprocess.Popen[bytes]", Forked]
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
    return fork(partial(_live_as_child, os.getpid(), (stdin, stdout, stderr)))


def preload() -> None:
    """Import what a child needs, once for all that are forked from this process and from its children.

    Raises:
        TinyopsError: TFLM cannot be imported.
    """
    try:
        importlib.import_module(_WORKER)
    except ImportError as error:
        raise does_not_start(type(error).__name__, str(error)) from error


def _live_as_child(parent: int, descriptors: tuple[int, int, int]) -> int:
    for target, source in enumerate(descriptors):
        os.dup2(source, target)
    drop_inheritance()
    # The end of stdin is not noticed by a model that loops for ever.
    end_with(parent, signal.SIGKILL)
    importlib.import_module(_WORKER).serve()
    return 0
