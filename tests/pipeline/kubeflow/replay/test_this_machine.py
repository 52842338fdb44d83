from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay.this_machine import require_own
from pipeline.project.config import DEFAULT_CONFIG
from pipeline.project.preflight import load_project

GOLDEN = Path(__file__).parents[1] / "golden"


def test_another_projects_pipeline_is_not_replayed_with_this_projects_module() -> None:
    digits = load_project(DEFAULT_CONFIG)
    require_own(digits, PipelineFile.load(GOLDEN / "digits.yaml"))
    with pytest.raises(TinyopsError, match="vibration-2") as refused:
        require_own(digits, PipelineFile.load(GOLDEN / "vibration.yaml"))
    assert "--config" in refused.value.remedy


def test_a_pipeline_that_names_no_module_is_anybodys() -> None:
    spec = {
        "pipelineInfo": {"name": "another-team"},
        "deploymentSpec": {"executors": {"exec-a": {"container": {}}, "exec-b": {"importer": {}}}},
    }
    require_own(load_project(DEFAULT_CONFIG), PipelineFile(spec))
