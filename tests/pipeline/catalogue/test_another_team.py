"""Another team's pipeline, with its own data and module, compiled by kfp and run as Kubeflow would run it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp import components, dsl
from kfp.compiler import Compiler
from kfp.dsl.types.type_utils import InconsistentTypeException

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.profile import load_profile
from edge_deployer.report.reading import read_report
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay.run import replay
from pipeline.kubeflow.replay.run_parameters import run_parameters
from pipeline.kubeflow.replay.step_process import on_this_machine
from pipeline.kubeflow.step.mounts import local_path
from pipeline.kubeflow.verification.newest_kfp import UnavailableError, newest_kfp
from tests.components.conftest import PROJECT, write_blobs
from tests.pipeline.catalogue import another_team
from tests.pipeline.catalogue.another_team import PIPELINE_ROOT
from tests.pipeline.catalogue.own_components import make, use

# A set this small is too small for the default plan.
PLAN = AcceptancePlan.model_validate(
    {"samples": 30, "labels": {"bad": 0.9}, "outputs": {"bad": 0.9}, "against_production": None, "soak_inferences": 1}
)


def settings() -> dict[str, str]:
    """What another team sets, in the words of the components."""
    from components.tflm_evaluator.thresholds import Thresholds, eval_config

    thresholds = Thresholds(0.1, max_drop=0.5, min_slice_accuracy=None)
    return {
        "eval_config": json_format.MessageToJson(eval_config("kind", ["kind"], thresholds)),
        "plan": PLAN.model_dump_json(),
        "profile": load_profile("cortex-m4").model_dump_json(),
        "samples": str(PLAN.samples),
        "thresholds": json.dumps({"min_accuracy": thresholds.min_accuracy, "max_drop": thresholds.max_drop}),
    }


@pytest.fixture
def newest_sdk(pytestconfig: pytest.Config) -> Path:
    """A Python with the newest kfp."""
    assert pytestconfig.cache is not None
    try:
        return newest_kfp(pytestconfig.cache.mkdir("newest-kfp"), offline=False, before_making=lambda: None).python
    except UnavailableError as error:
        if "does not reach its package index" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.verify
@pytest.mark.timeout(1800)
def test_exported_components_take_data_to_production_boards(
    exported: Path, newest_sdk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # TensorFlow Transform sets it when it is imported, as other tests in this process do; a pod has no such parent.
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    file = tmp_path / "pipeline.yaml"
    words = [str(newest_sdk), "-I", another_team.__file__, str(exported), json.dumps(settings()), str(file)]
    subprocess.run(words, check=True)
    spec = PipelineFile.load(file).spec
    assert spec["deploymentSpec"]["executors"]["exec-trainer"]["container"]["resources"]["resourceCpuLimit"] == "2"
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


def test_the_installed_kfp_compiles_it_too(exported: Path, tmp_path: Path) -> None:
    Compiler().compile(another_team.blobs_pipeline(exported, settings()), str(tmp_path / "pipeline.yaml"))
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
