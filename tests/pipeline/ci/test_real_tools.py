"""The flow with what really compiles and verifies."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.ci import tools
from pipeline.ci.kubeflow_run import GATE
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from tests.pipeline.ci.conftest import Delivered
from tests.pipeline.git_project import git

REAL = tools.real_tools


@pytest.fixture
def kubeflow(delivered: Delivered, monkeypatch: pytest.MonkeyPatch) -> Delivered:
    """A project that compiles, and no stand-ins."""
    monkeypatch.setattr(tools, "real_tools", REAL)
    # Nobody is there; without an address and keys, Amazon's own would be looked for.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "minio")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "minio123")
    delivered.configure(verify_offline=True)
    return delivered


def test_a_project_is_compiled_verified_registered_and_run(kubeflow: Delivered) -> None:
    outcome = kubeflow.approved()
    assert outcome["outcome"] == "done"
    assert "html_report of TFLMPusher" in outcome["steps"][-1]["detail"]
    compiled = PipelineFile.load(kubeflow.log.parent / "workspace" / "ci" / "pipeline.yaml")
    assert GATE in compiled.spec["root"]["dag"]["tasks"]
    (version,) = kubeflow.server.versions.values()
    assert version.pipeline_spec["pipeline_spec"]["pipelineInfo"]["name"] == "vibration"


def test_the_image_that_is_built_is_the_one_that_runs(kubeflow: Delivered) -> None:
    kubeflow.configure(build=["true"])
    kubeflow.outcome()
    (version,) = kubeflow.server.versions.values()
    executors = version.pipeline_spec["pipeline_spec"]["deploymentSpec"]["executors"].values()
    commit = git(kubeflow.folder, "rev-parse", "HEAD")
    assert {executor["container"]["image"] for executor in executors} == {
        f"registry.example.com:5000/tinyops/pipeline:{commit}"
    }


def test_what_verify_finds_is_named(delivered: Delivered, tmp_path: Path) -> None:
    file = delivered.tools().compile_project(delivered.config, None)
    del file.spec["components"]["comp-train"]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(file.to_yaml())
    with pytest.raises(TinyopsError, match="comp-train"):
        REAL().verify(wrong, True, None)


def test_offline_only_what_is_wrong_is_named_and_how_much_more_there_is(delivered: Delivered, tmp_path: Path) -> None:
    file = delivered.tools().compile_project(delivered.config, None)
    file.spec["components"]["comp-train"]["executorLabel"] = "exec-nobody"
    file.spec["root"]["dag"]["tasks"]["train"]["dependentTasks"] = ["nobody", "no-one"]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(file.to_yaml())
    with pytest.raises(TinyopsError, match=r"dependentTasks.*nobody.*\(and 3 more\)") as raised:
        REAL().verify(wrong, True, None)
    assert "not checked" not in raised.value.message


def test_a_root_outside_the_namespace_is_named_before_a_run(delivered: Delivered, tmp_path: Path) -> None:
    file = delivered.tools().compile_project(delivered.config, None)
    file.spec["defaultPipelineRoot"] = "minio://mlpipeline/tinyops"
    compiled = tmp_path / "pipeline.yaml"
    compiled.write_text(file.to_yaml())
    REAL().verify(compiled, True, None)
    with pytest.raises(TinyopsError, match="defaultPipelineRoot: minio://mlpipeline/tinyops lies outside") as refused:
        REAL().verify(compiled, True, "team-a")
    assert "kubeflow.pipeline_root" in refused.value.remedy
