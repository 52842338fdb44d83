"""What child processes need: to start a module wherever the user stands, and to be a fork that holds nothing back."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from pathlib import Path

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


def end_with(parent: int) -> None:
    """Have this process sent SIGTERM when its parent ends; at once if it has ended already.

    Args:
        parent: its process id.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        signal.raise_signal(signal.SIGTERM)


def drop_inheritance(*keep: int) -> None:
    """To be called first in a forked child: forget the parent's signal handlers, close its descriptors.

    Args:
        keep: descriptors to leave open besides 0, 1 and 2.
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
