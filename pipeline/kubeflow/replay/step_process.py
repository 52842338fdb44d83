"""One step as a process of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edge_deployer.child_process import end_session, how_it_ended, module_command
from edge_deployer.ending import waited_for
from edge_deployer.errors import TinyopsError
from edge_deployer.signing_secret import environment_of_signer
from pipeline.kubeflow.step import entrypoint, mounts
from pipeline.kubeflow.step.project_module import MODULE_FOLDER
from pipeline.project import quiet_libraries

# Time that a step gets to clean up, but for the one that then takes boards back: that takes as long as the boards do.
_CLEAN_UP_S: Final = 30.0
_PUSHER: Final = "components.tflm_pusher.executor.Executor"

LOG: Final = "log.txt"
"""Name of the file with everything that a step says."""

_TERMINATION_LOG: Final = "termination-log"


@dataclass(frozen=True)
class StepRun:
    """A task that is ready to run."""

    task: str  # Its name.
    image: str  # Container image that Kubeflow would run.
    command: tuple[str, ...]  # Command and arguments, placeholders filled in.
    environment: Mapping[str, str]  # Variables that the pipeline sets for it.
    folder: Path  # Where it writes its output file and parameters, and where its log is.
    stores: Path  # Folder that stands for ``/`` in the paths of artifacts.

    @property
    def has_boards(self) -> bool:
        """Whether it takes a release to boards."""
        return _PUSHER in self.command

    @property
    def log(self) -> Path:
        """Everything that the step says."""
        return self.folder / LOG

    @property
    def termination_log(self) -> Path:
        """The step's last word, if it has one."""
        return self.folder / _TERMINATION_LOG


Start = Callable[[StepRun], "subprocess.Popen[bytes]"]
"""Starts a step in a session of its own, its output in its log; the status it ends with is the step's."""


def on_this_machine(modules: Path) -> Start:
    """Starts steps as processes of this machine, with this Python.

    Args:
        modules: folder of the user's module, which the pipeline's image has too.

    Returns:
        What raises a TinyopsError for a step whose program is not here.
    """

    def start(step: StepRun) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            **step.environment,
            **quiet_libraries.ENVIRONMENT,
            **(environment_of_signer() if _PUSHER in step.command else {}),
            # Output and errors share the log, in which the reason for a failure is to stand last.
            "PYTHONUNBUFFERED": "1",
            MODULE_FOLDER: str(modules),
            mounts.VARIABLE: str(step.stores),
            entrypoint.TERMINATION_LOG: str(step.termination_log),
        }
        try:
            with step.log.open("wb") as log:
                return subprocess.Popen(
                    _host_command(step),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    # A Ctrl-C reaches this process alone, which then ends the step in an orderly way.
                    start_new_session=True,
                )
        except OSError as error:
            raise TinyopsError(
                f"step {step.task} cannot run {step.command[0]!r} on this machine: {error.strerror}",
                remedy="install the program: a replay has no container images",
            ) from error

    return start


def _host_command(step: StepRun) -> list[str]:
    """This Python, and its modules: none that lies about in the folder where the user stands."""
    program, *arguments = step.command
    if program != "python":
        return [program, *arguments]
    if arguments[:1] == ["-m"]:
        _require_module(step.task, arguments[1])
        return [*module_command(arguments[1], owned=True), *arguments[2:]]
    return [sys.executable, *arguments]


def _require_module(task: str, name: str) -> None:
    """What was compiled by another version runs in its own image; here are the modules of this one."""
    try:
        found = find_spec(name)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise TinyopsError(
            f"step {task} runs the module {name}, which is not on this machine",
            remedy="compile the pipeline again: a replay has no container images",
        )


@contextmanager
def ended(process: subprocess.Popen[bytes], step: StepRun) -> Iterator[subprocess.Popen[bytes]]:
    """Ask a step that still runs when the block ends to stop, as Kubernetes does; kill its session if it does not."""
    try:
        yield process
    finally:
        if process.poll() is None:
            with waited_for(f"{step.task} to {'take boards back' if step.has_boards else 'end'}"):
                end_session(process, grace_s=None if step.has_boards else _CLEAN_UP_S)


def last_word(step: StepRun, status: int) -> str:
    """Why a step ended as it did, in its own words if it said any."""
    said = step.termination_log.read_text(errors="replace") or (
        step.log.read_text(errors="replace").strip() if status > 0 else ""
    )
    return said.splitlines()[-1].removeprefix("error: ") if said else f"it ended {how_it_ended(status)}"
