"""Child processes: how a module and a fork are started, how a session is ended, and how an end is told."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

# Source: linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
# `python -m` and `python -c` put the working folder first on the import path: a file random.py there would be imported
# instead of the standard library's. Its entry is the empty one. This package stays importable however the parent came
# by it.
_START = """
import sys
parent, owner, module = sys.argv[1:4]
del sys.argv[1:4]
sys.path = [entry for entry in sys.path if entry]
if parent not in sys.path:
    sys.path.insert(0, parent)
if owner:
    from edge_deployer.child_process import end_with
    end_with(int(owner))
import runpy
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def module_command(module: str, *, owned: bool = False) -> list[str]:
    """The command that runs a module as ``python -m`` does, except that the working folder is not importable.

    Args:
        module: dotted name of a module or package; arguments for it may be appended to the result.
        owned: whether it is told to end, by SIGTERM, when this process is gone, however that ended. To be started from
            the main thread: it is that thread's end which counts.
    """
    return [sys.executable, "-c", _START, _PACKAGE_PARENT, str(os.getpid()) if owned else "", module]


def end_with(parent: int, number: int = signal.SIGTERM) -> None:
    """Have this process sent a signal when its parent ends; at once if it has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        signal.raise_signal(number)


class Forked:
    """A child of `fork`, with as much of `subprocess.Popen` as its parents use."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it was waited for: then the number may be another process's."""
        if self._status is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """Send SIGKILL, unless it was waited for."""
        self.send_signal(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end: the exit status, or the signal's number below 0."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def fork(life: Callable[[], int]) -> Forked:
    """Start a copy of this process, which has no other threads: the copy could wait for ever for a lock of theirs.

    `life` is all that the copy does, and returns its exit status. What it raises is told on stderr, with the status 1.
    """
    pid = os.fork()
    if pid:
        return Forked(pid)
    status = 1
    try:
        status = life()
    finally:
        # The copy must not unwind into the parent's code: whatever happened, it ends here.
        if sys.exc_info()[0] is not None:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def drop_inheritance(*keep: int) -> None:
    """To be called first in a forked child: forget the parent's signal handlers, close its descriptors.

    Those in `keep` stay open, and 0, 1 and 2.
    """
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    # The parent's files and sockets, once collected here, would close descriptors that are others' by then.
    gc.freeze()
    low = 3
    for descriptor in sorted(keep):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def end_session(process: subprocess.Popen[Any], *, grace_s: float | None, interrupt: bool = False) -> None:
    """Ask a process that has a session of its own to end, wait for it, and kill what is left of its session.

    Args:
        process: started with ``start_new_session=True``.
        grace_s: seconds that it gets to end by itself; None: as many as it takes.
        interrupt: whether its whole session gets SIGINT, as from a terminal, and not it alone SIGTERM.
    """
    try:
        with suppress(subprocess.TimeoutExpired, ProcessLookupError):
            if interrupt:
                os.killpg(process.pid, signal.SIGINT)
            else:
                process.terminate()
            process.wait(grace_s)
    finally:
        kill_session(process)
        process.wait()


def kill_session(process: subprocess.Popen[Any]) -> None:
    """Kill a process that has a session of its own, and its children in it that go on without it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def ended_by(status: int) -> str:
    """What ended a process, by its status as `subprocess.Popen.wait` gives it: ``exit status 1`` or ``SIGSEGV``."""
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


def how_it_ended(status: int) -> str:
    """The same after "it ended": ``with exit status 1`` or ``on SIGSEGV``."""
    return f"{'on' if status < 0 else 'with'} {ended_by(status)}"
