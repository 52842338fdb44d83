"""The folder that keeps a project's runs: metadata, artifacts, data, logs."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.errors import TinyopsError


@dataclass(frozen=True)
class RunSlot:
    """The right to run in a workspace, and the number of the run.

    Attributes:
        number: counts from 1.
        log: the run's log file, empty.
        lock_fd: descriptor of the lock; whoever inherits it holds the workspace too.
    """

    number: int
    log: Path
    lock_fd: int


@dataclass(frozen=True)
class Workspace:
    """Paths under one folder."""

    folder: Path

    @property
    def metadata(self) -> Path:
        """SQLite file of ML Metadata."""
        return self.folder / "metadata.sqlite"

    @property
    def data(self) -> Path:
        """Folder of data that came with the software."""
        return self.folder / "data"

    def artifacts(self, pipeline: str) -> Path:
        """Pipeline root."""
        return self.folder / "artifacts" / pipeline

    def outputs(self, pipeline: str, component: str, output: str) -> Path:
        """Where TFX puts an output of a component, a numbered folder a run."""
        return self.artifacts(pipeline) / component / output

    @contextmanager
    def claim(self) -> Iterator[RunSlot]:
        """Hold the workspace for one run; the lock goes with the last process that holds it.

        Raises:
            TinyopsError: another run holds it, or the folder cannot be written.
        """
        logs = self.folder / "logs"
        try:
            logs.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a+")
        except OSError as error:
            raise TinyopsError(
                f"workspace {self.folder} cannot be written: {error.strerror}",
                remedy="give another folder with --workspace",
            ) from error
        with lock:
            _lock(lock.fileno(), self.folder)
            number = 1 + max((_run_number(log) for log in logs.glob("run-*.log")), default=0)
            log = logs / f"run-{number}.log"
            log.touch()
            yield RunSlot(number, log, lock.fileno())


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TinyopsError(
            f"another run is using the workspace {folder}",
            remedy="wait until it ends, or give another folder with --workspace",
        ) from error


def _run_number(log: Path) -> int:
    number = log.stem.removeprefix("run-")
    return int(number) if number.isdigit() else 0
