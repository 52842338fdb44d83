"""Another team's pipeline, with its own data and module, compiled by kfp and run as Kubeflow would run it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kfp import components, dsl
from kfp.compiler import Compiler
from kfp.dsl.types.type_utils import InconsistentTypeException

from edge_deployer.report.reading import read_report
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay.run import replay
from pipeline.kubeflow.replay.run_parameters import run_parameters
from pipeline.kubeflow.replay.step_process import on_this_machine
from pipeline.kubeflow.step.mounts import local_path
from pipeline.kubeflow.verification.verify import verify_file
from tests.components.conftest import PROJECT, write_blobs
from tests.pipeline.catalogue import another_team
from tests.pipeline.catalogue.another_team import PIPELINE_ROOT, blobs_pipeline, settings
from tests.pipeline.catalogue.own_components import make, use
from tests.pipeline.kubeflow.newest import newest


@pytest.fixture(scope="module")
def environments(pytestconfig: pytest.Config) -> Path:
    assert pytestconfig.cache is not None
    return pytestconfig.cache.mkdir("newest-kfp")


@pytest.fixture(scope="module")
def of_the_newest_sdk(exported: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline with limits for each step, compiled by the newest kfp."""
    folder = tmp_path_factory.mktemp("newest-sdk")
    made, file = folder / "settings.json", folder / "pipeline.yaml"
    made.write_text(json.dumps(settings()))
    python = newest(environments).python
    subprocess.run([python, "-I", another_team.__file__, exported, made, file], check=True)
    return file


@pytest.mark.verify
@pytest.mark.timeout(1800)
def test_exported_components_take_data_to_production_boards(
    of_the_newest_sdk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # TensorFlow Transform sets it when it is imported, as other tests in this process do; a pod has no such parent.
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    spec = PipelineFile.load(of_the_newest_sdk).spec
    data, workspace = write_blobs(tmp_path / "blobs.npz"), tmp_path / "line"
    given = run_parameters(spec, [f"data_file={data}", f"workspace={workspace}"])
    result = replay(spec, given, tmp_path / "stores", on_this_machine(PROJECT), follow=[].append)
    assert result.failure is None, result.failure.log.read_text()
    assert {step.task for step in result.steps} == set(spec["root"]["dag"]["tasks"])
    assert len(result.steps) == 8
    assert result.steps[-1].task == "promotion-gate"
    pusher = Path(local_path(f"{PIPELINE_ROOT}/another-team/{result.run_id}/tflm-pusher", tmp_path / "stores"))
    (report,) = pusher.glob("*/deployment_report/report.json")
    assert read_report(report).deployment.pushed
    assert [path.is_file() for path in pusher.glob("*/html_report")] == [True]
    assert list(workspace.glob("releases/*"))


@pytest.mark.verify
def test_what_the_newest_sdk_compiles_of_exported_components_is_verified(
    of_the_newest_sdk: Path, environments: Path
) -> None:
    limits = PipelineFile.load(of_the_newest_sdk).executors["exec-trainer"]["container"]["resources"]
    assert limits["resourceCpuLimit"] == "2"
    verification = verify_file(
        of_the_newest_sdk, environments=environments, offline=True, before_making=lambda: None, namespace="team-a"
    )
    assert verification.verified(offline=False), verification.checks


def test_the_installed_sdk_compiles_it_too(exported: Path, tmp_path: Path) -> None:
    Compiler().compile(blobs_pipeline(exported, settings()), str(tmp_path / "pipeline.yaml"))
    assert len(PipelineFile.load(tmp_path / "pipeline.yaml").spec["root"]["dag"]["tasks"]) == 8


def compiled(pipeline: Callable[..., None], folder: Path) -> PipelineFile:
    Compiler().compile(dsl.pipeline(name="mixed")(pipeline), str(folder / "pipeline.yaml"))
    return PipelineFile.load(folder / "pipeline.yaml")


def test_a_component_of_their_own_gives_and_takes_models(exported: Path, tmp_path: Path) -> None:
    convert = components.load_component_from_file(str(exported / "TFLiteConverter.yaml"))

    def mixed():
        made = make()
        converted = convert(
            model=made.outputs["model"],
            examples=made.outputs["examples"],
            label_feature="kind",
            representative_examples=9,
            seed=0,
            class_names=json.dumps(["a", "b"]),
        )
        use(model=converted.outputs["int8_model"])

    assert set(compiled(mixed, tmp_path).spec["root"]["dag"]["tasks"]) == {"make", "tf-lite-converter", "use"}


def test_kfp_refuses_examples_for_a_model(exported: Path) -> None:
    convert = components.load_component_from_file(str(exported / "TFLiteConverter.yaml"))

    def mistaken():
        made = make()
        convert(
            model=made.outputs["examples"],
            examples=made.outputs["examples"],
            label_feature="kind",
            representative_examples=9,
            seed=0,
            class_names=json.dumps(["a", "b"]),
        )

    with pytest.raises(InconsistentTypeException, match=r"incompatible with the input type 'system\.Model"):
        dsl.pipeline(name="mistaken")(mistaken)
