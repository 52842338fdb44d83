"""Runs a project on this machine, in a process of its own, and follows it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.child_process import module_command
from edge_deployer.errors import TinyopsError
from edge_deployer.report.facts import Report
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON
from edge_deployer.rollout.deployment import Deployment
from pipeline import quiet_libraries
from pipeline.events import Concluded, Event, Failed, Finished, Launched, parse_event
from pipeline.preflight import Job, prepare
from pipeline.workspace import RunSlot, Workspace

# Time that TFX gets to remove an unfinished component's outputs and to record that it was stopped.
_CLEAN_UP_S = 15.0


class RunFailed(TinyopsError):
    """A component raised what nobody foresaw, or TensorFlow took the process down."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        deployment: how the model fared, up to the boards.
        report: the HTML report.
        log: everything that TFX, Beam and TensorFlow said.
        cached: names of the components that came out of the cache.
    """

    deployment: Deployment
    report: Path
    log: Path
    cached: tuple[str, ...]


def run_project(
    config: Path, workspace_folder: Path, follow: Callable[[Event], None], *, replace: bool = False
) -> RunResult:
    """Run a project to its conclusion.

    Args:
        config: a `tinyops.yaml`.
        workspace_folder: keeps metadata, artifacts and logs; created if it is not there.
        follow: called with each event.
        replace: whether a release of another task, input shape or number of outputs may take production's place.

    Raises:
        TinyopsError: the project is wrong, the workspace is in use, or a component found something to mend.
        RunFailed: a component failed in another way; the message names the log.
        KeyboardInterrupt: the user stopped the run. The unfinished component left nothing behind.
    """
    workspace = Workspace(workspace_folder.resolve())
    # Claimed first: a folder that cannot be written must be known before data that comes with the software goes there.
    with workspace.claim() as slot:
        job = prepare(config.resolve(), workspace)
        seen: list[Event] = []
        with _worker(job, slot, replace=replace) as (process, lines):
            follow(Launched())
            for line in lines:
                event = parse_event(line)
                seen.append(event)
                follow(event)
            status = process.wait()
        return _result(seen, slot.log, status)


def _result(seen: list[Event], log: Path, status: int) -> RunResult:
    last = seen[-1] if seen else None
    if isinstance(last, Concluded):
        cached = tuple(event.component for event in seen if isinstance(event, Finished) and event.cached)
        folder = Path(last.report)
        report = Report.model_validate_json((folder / REPORT_JSON).read_text())
        return RunResult(report.deployment, folder / REPORT_HTML, log, cached)
    if isinstance(last, Failed) and last.remedy:
        raise TinyopsError(last.message, remedy=last.remedy)
    message = last.message if isinstance(last, Failed) else f"the pipeline's process ended {_how(status)}"
    raise RunFailed(message, remedy=f"look for the cause in {log}")


def _how(status: int) -> str:
    return f"on {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"


@contextmanager
def _worker(job: Job, slot: RunSlot, *, replace: bool) -> Iterator[tuple[subprocess.Popen[str], Iterator[str]]]:
    """The worker process and the lines it sends; ends it if the block is left early."""
    read_fd, write_fd = os.pipe()
    orders = {
        "config": str(job.config_file),
        "workspace": str(job.workspace.folder),
        "events_fd": write_fd,
        "lock_fd": slot.lock_fd,
        "replace": replace,
    }
    with os.fdopen(read_fd) as lines, slot.log.open("wb") as log:
        process = subprocess.Popen(
            module_command("pipeline.worker"),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(),
            pass_fds=(write_fd, slot.lock_fd),
            # A Ctrl-C reaches this process alone, which then ends the worker in an orderly way.
            start_new_session=True,
            text=True,
        )
        os.close(write_fd)
        try:
            assert process.stdin is not None
            with process.stdin as stdin:
                stdin.write(json.dumps(orders) + "\n")
            yield process, lines
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a worker that still runs to stop; kill its session if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment() -> dict[str, str]:
    """The worker's environment: quiet libraries, there and in its children."""
    return {**os.environ, **quiet_libraries.ENVIRONMENT}
