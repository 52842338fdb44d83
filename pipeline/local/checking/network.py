"""The process that looks at the untrained network, and what it tells."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final

import numpy as np
from typing_extensions import Self

from components.sensor_example_gen.trial import Trial
from edge_deployer.child_process import how_it_ended, kill_session, module_command
from edge_deployer.ending import waited_for
from edge_deployer.files import resolved
from pipeline.local.checking.line import Line
from pipeline.project import quiet_libraries
from pipeline.project.workspace import Workspace

SAMPLES_FILE: Final = "samples.npz"
_COLUMNS: Final = ("labels", "groups", "targets")


class NetworkProcess:
    """Begins to import TensorFlow when it is entered, and ends with the block."""

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory()
        with waited_for(""):
            self._process = subprocess.Popen(
                module_command("pipeline.local.checking.worker", owned=True),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **quiet_libraries.ENVIRONMENT},
                start_new_session=True,
                text=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            kill_session(self._process)
            self._process.wait()
        self._folder.cleanup()

    def lines(self, config_file: Path, workspace: Workspace, trial: Trial, *, virtual: bool) -> Iterator[Line]:
        """What the network comes to with these samples.

        Args:
            config_file: the project's.
            workspace: where its data may be.
            trial: samples as Transform gets them, one at least.
            virtual: whether virtual boards are to try it, which are as fast as estimated.
        """
        samples = Path(self._folder.name, SAMPLES_FILE)
        _write(trial, samples)
        orders = {
            "config": str(resolved(config_file)),
            "workspace": str(resolved(workspace.folder)),
            "samples": str(samples),
            "virtual": virtual,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            with self._process.stdin as stdin:
                stdin.write(json.dumps(orders) + "\n")
        except BrokenPipeError:
            pass  # Its end is told below.
        told = None
        for text in self._process.stdout:
            told = Line.model_validate_json(text)
            yield told
        status = self._process.wait()
        if status and (told is None or told.state != "failed"):
            yield _died(status)


def _died(status: int) -> Line:
    return Line(
        name="network",
        state="failed",
        told=f"the process that looks at the network ended {how_it_ended(status)}",
        remedy="see that the module can be imported, and build_model be called, in Python",
    )


def _write(trial: Trial, path: Path) -> None:
    """The samples, and what the list says of their records, a row each."""
    listing = trial.listing.take([sample.index for sample in trial.samples])
    columns = {name: getattr(listing, name) for name in _COLUMNS}
    given = {name: column for name, column in columns.items() if column is not None}
    np.savez(path, features=np.stack([sample.features for sample in trial.samples]), rows=listing.rows, **given)
