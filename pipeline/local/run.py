"""Runs a project on this machine, in a process of its own, and follows it."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.child_process import how_it_ended, kill_session, module_command
from edge_deployer.ending import Ended, waited_for
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.files import resolved
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON, keep_report
from edge_deployer.report.reading import read_report
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.signing_secret import environment_of_signer
from pipeline.local.events import (
    Concluded,
    Decided,
    Event,
    Failed,
    Finished,
    Launched,
    Started,
    Stopped,
    Warned,
    parse_event,
)
from pipeline.project import quiet_libraries
from pipeline.project.preflight import RunnableProject, prepare
from pipeline.project.workspace import RunSlot, Workspace

# Time that TFX gets to remove an unfinished component's outputs and to record that it was stopped. Taking boards back
# takes as long as the boards do.
_CLEAN_UP_S = 15.0
_PUSHER = "TFLMPusher"
_CHUNK = 65536
_LOGGER = logging.getLogger("tinyops.run")


class RunFailed(TinyopsError):
    """A component raised what nobody foresaw, or TensorFlow took the process down."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    deployment: Deployment  # How the model fared, up to the boards.
    report: Path | None  # The HTML report; None if it could not be written.
    log: Path  # Everything that TFX, Beam and TensorFlow said.
    cached: tuple[str, ...]  # Names of the components that came out of the cache.


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
        Refused: the network would not run on the board; there is no report.
        RunFailed: a component failed in another way; the message names the log.
        Ended: a signal stopped the run. The unfinished component left nothing behind, and what the boards run is told.
    """
    workspace = Workspace(resolved(workspace_folder))
    # Claimed first: a folder that cannot be written must be known before data that comes with the software goes there.
    with workspace.claim() as slot:
        job = prepare(resolved(config), workspace)
        for warning in job.warnings:
            follow(Warned(warning))
        run = _Run(follow)
        status = run.to_end(job, slot, replace=replace)
        result = result_of(run.seen, slot.log, status)
        if result.report is None:
            return result
        kept = keep_report(result.report.parent, workspace.folder)
        return dataclasses.replace(result, report=kept / REPORT_HTML)


def result_of(seen: list[Event], log: Path, status: int) -> RunResult:
    """What a run came to. An outcome stands, whatever went wrong after it was told.

    Raises:
        TinyopsError: a component found something to mend.
        RunFailed: there is no outcome for another reason.
    """
    last = seen[-1] if seen else None
    decided = next((event for event in seen if isinstance(event, Decided)), None)
    if decided is None and isinstance(last, Failed) and last.remedy:
        raise (Refused if last.refused else TinyopsError)(last.message, remedy=last.remedy)
    message = last.message if isinstance(last, Failed) else f"the pipeline's process ended {how_it_ended(status)}"
    if decided is None:
        raise RunFailed(message, remedy=f"look for the cause in {log}")
    deployment, page = Deployment.model_validate_json(decided.deployment), None
    if isinstance(last, Concluded):
        try:
            deployment, page = read_report(Path(last.report, REPORT_JSON)).deployment, Path(last.report, REPORT_HTML)
        except TinyopsError as error:
            message = error.message
    if page is None:
        _LOGGER.warning("warning: the outcome stands, but the run did not end well: %s; see %s", message, log)
    cached = tuple(event.component for event in seen if isinstance(event, Finished) and event.cached)
    return RunResult(deployment, page, log, cached)


class _Run:
    """The worker process and what it tells."""

    def __init__(self, follow: Callable[[Event], None]) -> None:
        self.seen: list[Event] = []
        self._follow = follow

    def to_end(self, job: RunnableProject, slot: RunSlot, *, replace: bool) -> int:
        """Start the worker and wait for its end, which comes early if anything is raised here; its exit status."""
        read_fd, write_fd = os.pipe()
        orders = {
            "config": str(job.config_file),
            "workspace": str(job.workspace.folder),
            "events_fd": write_fd,
            "lock_fd": slot.lock_fd,
            "replace": replace,
        }
        with _Lines(read_fd) as lines, slot.log.open("wb") as log:
            # A signal that comes while the worker starts waits until there is a process to end.
            with waited_for(""):
                process = subprocess.Popen(
                    module_command("pipeline.local.worker", owned=True),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=_environment(),
                    pass_fds=(write_fd, slot.lock_fd),
                    # A signal reaches this process alone, which then ends the worker in an orderly way.
                    start_new_session=True,
                    text=True,
                )
            try:
                os.close(write_fd)
                assert process.stdin is not None
                with process.stdin as stdin:
                    stdin.write(json.dumps(orders) + "\n")
                self._follow(Launched())
                self._take(lines)
                return process.wait()
            except Ended as ended:
                self._stop(process, lines)
                if any(isinstance(event, Decided) for event in self.seen):
                    # It came too late: what was to be done is done.
                    return process.returncode
                ended.left = self._left()
                raise
            finally:
                self._stop(process, lines)

    def _take(self, lines: Iterator[str]) -> None:
        for line in lines:
            event = parse_event(line)
            self.seen.append(event)
            self._follow(event)

    def _stop(self, process: subprocess.Popen[str], lines: Iterator[str]) -> None:
        """Ask a worker that still runs to stop, and hear what it says; kill its session if it does not."""
        if process.poll() is not None:
            return
        component = self._running()
        impatience = threading.Timer(_CLEAN_UP_S, kill_session, [process])
        with waited_for(f"{component} to {'take boards back' if component == _PUSHER else 'end'}"):
            process.terminate()
            if component != _PUSHER:
                impatience.start()
            try:
                self._take(lines)
            finally:
                process.wait()
                impatience.cancel()

    def _running(self) -> str:
        started = [event.component for event in self.seen if isinstance(event, Started)]
        finished = {event.component for event in self.seen if isinstance(event, Finished)}
        return next((component for component in started if component not in finished), "the run")

    def _left(self) -> str:
        stopped = next((event.left for event in self.seen if isinstance(event, Stopped)), "")
        kept = "what was finished is kept, and the next run continues from there"
        return f"{kept}; {stopped}" if stopped else kept


class _Lines:
    """The lines that come through a pipe. A signal that raises in the middle of one loses nothing of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._read = b""

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while b"\n" not in self._read:
            chunk = os.read(self._descriptor, _CHUNK)
            if not chunk:
                raise StopIteration
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()


def _environment() -> dict[str, str]:
    """The worker's environment: quiet libraries, there and in its children; and the signing key, which it keeps."""
    return {**os.environ, **quiet_libraries.ENVIRONMENT, **environment_of_signer()}
