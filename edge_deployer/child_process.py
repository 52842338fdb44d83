"""What child processes need: to start a module wherever the user stands, and to be a fork that holds nothing back."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

_PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
# `python -m` and `python -c` put the working folder first on the import path: a file random.py there would be imported
# instead of the standard library's. Its entry is the empty one. This package stays importable however the parent came
# by it.
_START = """
import sys
parent, module = sys.argv[1:3]
del sys.argv[1:3]
sys.path = [entry for entry in sys.path if entry]
if parent not in sys.path:
    sys.path.insert(0, parent)
import runpy
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def module_command(module: str) -> list[str]:
    """The command that runs a module as ``python -m`` does, except that the working folder is not importable.

    Args:
        module: dotted name of a module or package; arguments for it may be appended to the result.
    """
    return [sys.executable, "-c", _START, _PACKAGE_PARENT, module]


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
