"""The default project as it is compiled, and steps that start quickly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.report.folders import REPORT_JSON
from edge_deployer.report.reading import read_report
from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.kubeflow.replay import step_process
from pipeline.kubeflow.replay.back_ends import BACK_ENDS
from pipeline.kubeflow.replay.run import replay
from pipeline.kubeflow.replay.run_parameters import run_parameters
from pipeline.kubeflow.replay.this_machine import host_parameters
from pipeline.project import quiet_libraries
from pipeline.project.config import DEFAULT_CONFIG
from pipeline.project.preflight import load_project
from tests.pipeline.kubeflow.replay.whole_replays import TakeToBoards
from tests.warm_start import warm_start


@pytest.fixture(scope="module")
def loaded_step() -> Iterator[Callable[[str], list[str]]]:
    """In place of a step's process, a fork that has imported what takes longest."""
    loaded = ["tensorflow", "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"]
    environment = {**quiet_libraries.ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
    with warm_start([*loaded, "pipeline.kubeflow.step.entrypoint"], environment) as command:
        yield command


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return compile_project(DEFAULT_CONFIG).spec


@pytest.fixture
def take_to_boards(
    spec: dict[str, Any],
    loaded_step: Callable[[str], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TakeToBoards:
    def take(release: str) -> None:
        monkeypatch.setattr(step_process, "module_command", lambda module, **_: loaded_step(module))
        project = load_project(DEFAULT_CONFIG)
        parameters = run_parameters(spec, [], host_parameters(project, spec, tmp_path))
        start = step_process.on_this_machine(project.module.folder)
        result = replay(spec, parameters, tmp_path, start, [].append, BACK_ENDS[release])
        assert result.failure is None, result.failure
        assert {step.task for step in result.steps} == set(spec["root"]["dag"]["tasks"])
        assert result.report is not None
        assert read_report(result.report / REPORT_JSON).deployment.outcome == "promoted"

    return take
