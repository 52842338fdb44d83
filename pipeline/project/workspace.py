"""The folder that keeps a project's runs: metadata, artifacts, data, logs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, make_folder, require_plain_path, write_file
from edge_deployer.locks import exclusive


@dataclass(frozen=True)
class RunSlot:
    """The right to run in a workspace, and the number of the run."""

    number: int  # Counts from 1.
    log: Path  # The run's log file, empty.
    lock_fd: int  # Descriptor of the lock; whoever inherits it holds the workspace too.


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
            TinyopsError: another run holds it, the folder cannot be written, its path cannot be printed, or what lies
                in it is damaged.
        """
        require_plain_path(self.folder, "workspace")
        busy = f"another run is using the workspace {self.folder}"
        with exclusive(self.folder / "lock", busy=busy) as descriptor:
            _require_database(self.metadata)
            logs = self.folder / "logs"
            make_folder(logs)
            number = 1 + max((_run_number(log) for log in logs.glob("run-*.log")), default=0)
            log = logs / f"run-{number}.log"
            write_file(log, b"", remedy="make the folder writable, or give another one with --workspace")
            yield RunSlot(number, log, descriptor)


def _require_database(path: Path) -> None:
    """ML Metadata would end with words of its own."""
    if not exists(path, f"metadata {path}"):
        return
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise TinyopsError(
            f"the workspace's metadata {path} cannot be used: {error}",
            remedy="move the file away: the next run then finds nothing in the cache, and no earlier model",
        ) from error


def _run_number(log: Path) -> int:
    number = log.stem.removeprefix("run-")
    return int(number) if number.isdecimal() else 0
