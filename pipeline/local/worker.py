"""The process in which TFX runs: the module ``pipeline.local.worker``, its orders on stdin, its events on a pipe.

TFX, Beam, absl and TensorFlow write where they like and can abort the process. Here they may: both standard streams
are the run's log, and whoever started this process sees events only. There is nothing in ``sys.argv`` for absl, which
TFX has parse it again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from edge_deployer.ending import Ended, StepEnded, listening
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.signing_secret import take_from_environment
from pipeline.local.events import Failed, Stopped, write_event
from pipeline.project.heavy_imports import heavy_imports
from pipeline.project.preflight import prepare
from pipeline.project.workspace import Workspace


def main() -> int:
    """Run the job on stdin; returns the exit status."""
    take_from_environment()
    # Libraries are imported that take exceptions for a sign of what is not installed.
    with listening():
        return _obey(json.loads(sys.stdin.readline()))


def _obey(orders: dict[str, Any]) -> int:
    for descriptor in (orders["events_fd"], orders["lock_fd"]):
        # A virtual board that outlives this process must not seem to be the run itself.
        os.set_inheritable(descriptor, False)
    # Open until the process ends: the hook below runs after this function.
    events = os.fdopen(orders["events_fd"], "w")
    sys.excepthook = _reporting_hook(events)
    try:
        # Seconds of imports, and whatever they log, come after the streams and signals are in place.
        with heavy_imports():
            from pipeline.local.execution import execute

        prepared = prepare(Path(orders["config"]), Workspace(Path(orders["workspace"])))
        job = replace(prepared, replace=orders["replace"])
        for warning in job.warnings:
            # For the log: the one who shows the run has said it.
            logging.warning("%s", warning)
        # Last: nothing beside the user's module may take the place of what is installed, Python's own modules included.
        sys.path.append(str(job.module.folder))
        with listening(StepEnded):
            execute(job, events)
    except TinyopsError as error:
        write_event(Failed(error.message, error.remedy, isinstance(error, Refused)), events)
        return 1
    except (Ended, StepEnded) as ended:
        write_event(Stopped(ended.left), events)
        return ended.status
    return 0


def _reporting_hook(events: TextIO) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """A hook that tells of an error nobody foresaw, before Python prints its traceback to the log."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        first_line = (str(error).strip().splitlines() or [""])[0]
        write_event(Failed(f"{kind.__name__}: {first_line}", ""), events)
        sys.__excepthook__(kind, error, trace)

    return hook


if __name__ == "__main__":
    sys.exit(main())
