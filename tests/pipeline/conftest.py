"""Projects in a temporary folder, and one run of the digits that the tests share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.local import run
from pipeline.local.events import Event
from pipeline.local.run import RunResult, run_project
from pipeline.project.config import DEFAULT_CONFIG
from pipeline.project.quiet_libraries import ENVIRONMENT
from tests.warm_start import warm_start

MODULE = """
def preprocessing_fn(inputs):
    return inputs

def run_fn(fn_args):
    pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Writes a project that is right but for the changes; returns the config file.

    A change is a dotted key and its value; the value None removes the key.
    """

    def write(changes: dict[str, Any] | None = None, arrays: dict[str, Any] | None = None) -> Path:
        config: dict[str, Any] = {
            "name": "vibration",
            "data": {"source": "data.npz", "input": "sound", "label": "kind", "classes": ["off", "on"]},
            "train": {"module": "vibration.py"},
            # Sixty samples are too few for the default plan.
            "acceptance": {"labels": {"bad": 0.9}, "outputs": {"bad": 0.9}, "against_production": None},
        }
        for key, value in (changes or {}).items():
            *path, last = key.split(".")
            section = config
            for part in path:
                section = section.setdefault(part, {})
            if value is None:
                section.pop(last, None)
            else:
                section[last] = value
        sound = np.random.default_rng(0).normal(size=(60, 4))
        contents = {"sound": sound, "kind": np.arange(60) % 2, "person": np.arange(60) % 15, **(arrays or {})}
        np.savez(tmp_path / "data.npz", **{name: array for name, array in contents.items() if array is not None})
        (tmp_path / "vibration.py").write_text(MODULE)
        (tmp_path / "tinyops.yaml").write_text(yaml.safe_dump(config))
        return tmp_path / "tinyops.yaml"

    return write


@dataclass
class DigitsProject:
    """The digits in a folder of their own."""

    folder: Path
    loaded_worker: Callable[[str], list[str]]
    events: list[Event] = field(default_factory=list)

    @property
    def config_file(self) -> Path:
        return self.folder / "tinyops.yaml"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def configure(self, **sections: Any) -> None:
        """Write the config again, with these sections changed."""
        config = yaml.safe_load(DEFAULT_CONFIG.read_text())
        for section, values in sections.items():
            config.setdefault(section, {}).update(values)
        self.config_file.write_text(yaml.safe_dump(config))

    def run_cold(self) -> RunResult:
        """As a user runs it."""
        self.events.clear()
        return run_project(self.config_file, self.workspace, self.events.append)

    def run(self) -> RunResult:
        """The same in a fork that has imported TFX."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(run, "module_command", lambda module, **_: self.loaded_worker(module))
            return self.run_cold()


@pytest.fixture(scope="session")
def loaded_worker() -> Iterator[Callable[[str], list[str]]]:
    """The command of a process that has imported what a run imports."""
    with warm_start(["tensorflow", "pipeline.local.execution"], ENVIRONMENT) as command:
        yield command


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory, loaded_worker: Callable[[str], list[str]]) -> DigitsProject:
    """A copy of the default project; tests that change it share the workspace and so the cache."""
    folder = tmp_path_factory.mktemp("digits") / "project"
    shutil.copytree(DEFAULT_CONFIG.parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    project = DigitsProject(folder, loaded_worker)
    project.configure()
    return project


@pytest.fixture(scope="session")
def first_run(digits: DigitsProject) -> tuple[RunResult, list[Event]]:
    """The outcome and the events of the first run in the workspace."""
    result = digits.run_cold()
    return result, list(digits.events)
