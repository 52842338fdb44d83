"""The folder that keeps a project's runs: metadata, artifacts, data, logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.files import make_folder, require_plain_path, write_file
from edge_deployer.locks import exclusive


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

    @contextmanager
    def claim(self) -> Iterator[RunSlot]:
        """Hold the workspace for one run; the lock goes with the last process that holds it.

        Raises:
            TinyopsError: another run holds it, the folder cannot be written, or its path cannot be printed.
        """
        require_plain_path(self.folder, "workspace")
        busy = f"another run is using the workspace {self.folder}"
        with exclusive(self.folder / "lock", busy=busy) as descriptor:
            logs = self.folder / "logs"
            make_folder(logs)
            number = 1 + max((_run_number(log) for log in logs.glob("run-*.log")), default=0)
            log = logs / f"run-{number}.log"
            write_file(log, b"", remedy="make the folder writable, or give another one with --workspace")
            yield RunSlot(number, log, descriptor)


def _run_number(log: Path) -> int:
    number = log.stem.removeprefix("run-")
    return int(number) if number.isdecimal() else 0
