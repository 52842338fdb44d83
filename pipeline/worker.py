"""The process in which TFX runs: the module ``pipeline.worker``, its orders on stdin, its events on a pipe.

TFX, Beam, absl and TensorFlow write where they like and can abort the process. Here they may: both standard streams
are the run's log, and whoever started this process sees events only. There is nothing in ``sys.argv`` for absl, which
TFX has parse it again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import TextIO

from edge_deployer.errors import TinyopsError
from pipeline.events import Failed, write_event
from pipeline.heavy_imports import heavy_imports
from pipeline.preflight import prepare
from pipeline.workspace import Workspace


class Interrupted(Exception):
    """Someone wants the run to end.

    Not a KeyboardInterrupt: TFX cleans up after an `Exception` only, removing the component's outputs and recording
    that it failed.
    """


def main() -> int:
    """Run the job on stdin; returns the exit status."""
    orders = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGINT, _interrupt)
    for descriptor in (orders["events_fd"], orders["lock_fd"]):
        # A virtual board that outlives this process must not seem to be the run itself.
        os.set_inheritable(descriptor, False)
    # Open until the process ends: the hook below runs after this function.
    events = os.fdopen(orders["events_fd"], "w")
    sys.excepthook = _reporting_hook(events)
    try:
        # Seconds of imports, and whatever they log, come after the streams and signals are in place.
        with heavy_imports():
            from pipeline.execution import execute

        prepared = prepare(Path(orders["config"]), Workspace(Path(orders["workspace"])))
        job = replace(prepared, replace=orders["replace"])
        # Last: nothing beside the user's module may take the place of what is installed, Python's own modules included.
        sys.path.append(str(job.module.folder))
        execute(job, events)
    except TinyopsError as error:
        write_event(Failed(error.message, error.remedy), events)
        return 1
    except Interrupted:
        return 130
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    # Once is enough: a second signal must not disturb the cleaning up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Interrupted(f"signal {number}")


def _reporting_hook(events: TextIO) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """A hook that tells of an error nobody foresaw, before Python prints its traceback to the log."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        first_line = (str(error).strip().splitlines() or [""])[0]
        write_event(Failed(f"{kind.__name__}: {first_line}", ""), events)
        sys.__excepthook__(kind, error, trace)

    return hook


if __name__ == "__main__":
    sys.exit(main())
