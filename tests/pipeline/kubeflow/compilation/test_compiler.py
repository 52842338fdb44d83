"""Compiled pipelines, against golden files, and what is wrong with a config that cannot be compiled.

After a change that is meant, in `tests/pipeline/kubeflow`, with TFX 1.16 (`sdkVersion` and TFDV's options are its own):

    tinyops compile --demo -o golden/digits.yaml
    tinyops compile golden/vibration -o golden/vibration.yaml
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import BoardProfile, load_profile
from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.project.config import DEFAULT_CONFIG
from tests.edge_deployer.cli.command import TINYOPS, tinyops

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(name: str) -> str:
    """A golden file as this TFX writes it, and as this TFDV writes its own options."""
    from components.data_gate.statistics import statistics_options

    installed = f"tfx-{version('tfx')}"
    file = PipelineFile.load(GOLDEN / name)
    if installed != file.spec["sdkVersion"]:
        file.spec["sdkVersion"] = installed
        parameters = file.spec["root"]["dag"]["tasks"]["StatisticsGen"]["inputs"]["parameters"]
        options = parameters["stats_options_json"]["runtimeValue"]
        counted = [one["name"] for one in json.loads(json.loads(options["constant"])["schema_json"])["feature"]]
        options["constant"] = statistics_options(*counted, *[None] * (2 - len(counted))).to_json()
    return file.to_yaml()


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """The golden project with its section changed as asked. Its data is nowhere: compiling must not look for it."""

    def write(**changes: Any) -> Path:
        shutil.copytree(GOLDEN / "vibration", tmp_path / "project")
        path = tmp_path / "project" / "tinyops.yaml"
        contents = yaml.safe_load(path.read_text())
        contents["kubeflow"].update(changes)
        path.write_text(yaml.safe_dump(contents))
        return path

    return write


def test_the_default_project_compiles_to_the_same_bytes_each_time(tmp_path: Path) -> None:
    """In a process of its own, whose sets come in another order than here, in a folder where nothing is."""
    command = [TINYOPS, "compile", "-o", "pipeline.yaml"]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "pipeline.yaml: pipeline digits, 12 steps\n"
    assert done.stderr == "demo: scikit-learn's handwritten digits, as this folder has no tinyops.yaml\n"
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"], "no data, no workspace"
    assert (tmp_path / "pipeline.yaml").read_text() == golden("digits.yaml")
    assert compile_project(DEFAULT_CONFIG).to_yaml() == golden("digits.yaml")


def test_what_steps_ask_of_the_cluster() -> None:
    compiled = compile_project(GOLDEN / "vibration" / "tinyops.yaml").to_yaml()
    assert compiled == golden("vibration.yaml")


def test_a_retry_of_all_steps_is_one_of_the_push_too() -> None:
    tasks = compile_project(GOLDEN / "vibration" / "tinyops.yaml").spec["root"]["dag"]["tasks"]
    assert "TFLMPusher" in tasks
    # A policy without its longest duration would be none: see the compiler.
    assert all(len(task["retryPolicy"]) == 4 for task in tasks.values())


def test_a_regression_hands_its_target_to_every_step_that_judges(config: Callable[..., Path]) -> None:
    path = config()
    contents = yaml.safe_load(path.read_text())
    contents["data"] = {"source": "vibration.npz", "input": "vibration", "target": "wear", "group": "machine"}
    contents["evaluate"] = {"max_mae": 2.5}
    contents.pop("task", None)
    path.write_text(yaml.safe_dump(contents))
    tasks = compile_project(path).spec["root"]["dag"]["tasks"]

    def asked(step: str) -> dict[str, Any]:
        given = tasks[step]["inputs"]["parameters"]
        return {name: value["runtimeValue"]["constant"] for name, value in given.items() if "runtimeValue" in value}

    for step in ("TFLiteConverter", "TFLMValidator"):
        assert asked(step)["target_feature"] == "wear"
        assert "label_feature" not in asked(step)
        assert asked(step)["class_names"] == "[]"
    assert json.loads(asked("Trainer")["custom_config"])["target"] == "wear"
    assert "label" not in json.loads(asked("Trainer")["custom_config"])
    assert json.loads(asked("TFLMPusher")["thresholds"]) == {"max_mae": 2.5, "max_rmse": None, "max_rise": 0.05}
    judged = json.loads(asked("TFLMEvaluator")["eval_config"])
    assert judged["model_specs"][0]["label_key"] == "wear"
    assert [spec["feature_keys"] for spec in judged["slicing_specs"] if spec.get("feature_keys")] == [["machine"]]


def test_a_compiled_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    golden = GOLDEN / "vibration.yaml"
    read = PipelineFile.load(golden)
    assert read.to_yaml() == golden.read_text()
    assert read.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    (tmp_path / "spec.yaml").write_text(PipelineFile(read.spec).to_yaml())
    assert PipelineFile.load(tmp_path / "spec.yaml").platform == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "team/vibration"}, "an image needs a tag or a digest"),
        ({"image": "localhost:5000/vibration"}, "an image needs a tag or a digest"),
        ({"image": "team/vibration:latest"}, "latest"),
        ({"pipeline_root": "/srv/artifacts"}, "pipeline_root"),
        ({"pipeline_root": None}, "pipeline_root"),
        (
            {"steps": {"Trainer": {"secrets": ["vault"]}}},
            "'vault', which kubeflow.secrets does not have; there: warehouse",
        ),
        (
            {"steps": {"Trainer": {"volumes": ["vault"]}}},
            "'vault', which kubeflow.volumes does not have; there: recordings",
        ),
        ({"steps": {"Trainer": {"config_maps": ["vault"]}}}, "'vault', which kubeflow.config_maps does not have"),
        ({"steps": {"Trainer": {"gpu": 1}}}, "gpu"),
        ({"steps": {"Trainer": {"device": {"resource": "no such/thing"}}}}, "resource"),
        ({"secrets": {"idle": {}}}, "mount, environment, or both"),
    ],
)
def test_a_wrong_section_is_refused(config: Callable[..., Path], changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TinyopsError) as refused:
        compile_project(config(**changes))
    assert said in refused.value.message
    assert "tinyops.yaml" in refused.value.message


def test_a_step_that_the_pipeline_does_not_have(config: Callable[..., Path]) -> None:
    with pytest.raises(TinyopsError, match=r"kubeflow\.steps names 'Tuner'") as refused:
        compile_project(config(steps={"Tuner": {"cpu": 1}}))
    assert "Trainer" in refused.value.remedy


def test_a_project_without_the_section(project: Callable[..., Path]) -> None:
    with pytest.raises(TinyopsError, match="has no section kubeflow") as refused:
        compile_project(project())
    assert "pipeline_root" in refused.value.remedy


def test_a_module_that_is_not_in_the_image(config: Callable[..., Path], tmp_path: Path) -> None:
    path = config()
    contents = yaml.safe_load(path.read_text())
    contents["train"]["module"] = "../vibration.py"
    path.write_text(yaml.safe_dump(contents))
    shutil.move(path.parent / "vibration.py", tmp_path)
    with pytest.raises(TinyopsError, match=r"vibration\.py is not in the image"):
        compile_project(path)


def test_data_that_is_not_in_the_image(config: Callable[..., Path]) -> None:
    path = config(data_file=None)
    contents = yaml.safe_load(path.read_text())
    contents["data"]["source"] = "/srv/data.npz"
    path.write_text(yaml.safe_dump(contents))
    with pytest.raises(TinyopsError, match=r"/srv/data\.npz is not in the image") as refused:
        compile_project(path)
    assert "kubeflow.data_file" in refused.value.remedy


def test_text_that_yaml_1_2_takes_for_a_number_is_quoted() -> None:
    """Kubeflow's back end reads 1.2: it would refuse an environment variable that is a number."""
    texts = ["1e-3", "12e03", "0o17", "0x1f", "1.5", "1_0e3", "007", "on", "1_000", "2026-01-01", "x1e3", ""]
    written = PipelineFile({"texts": texts, "numbers": [1.0, 0.001, 7, 1e30]}).to_yaml()
    for text in texts[:7]:
        assert f"'{text}'" in written
    assert yaml.safe_load(written) == {"texts": texts, "numbers": [1.0, 0.001, 7, 1e30]}


def test_another_image_for_every_step() -> None:
    compiled = compile_project(GOLDEN / "vibration" / "tinyops.yaml", image="team/vibration:8c1f0d3")
    assert {executor["container"]["image"] for executor in compiled.executors.values()} == {"team/vibration:8c1f0d3"}


def test_another_image_without_a_tag() -> None:
    with pytest.raises(TinyopsError, match=r"--image team/vibration: image = .*needs a tag"):
        compile_project(GOLDEN / "vibration" / "tinyops.yaml", image="team/vibration")


def test_a_data_source_that_is_a_uri_is_what_steps_read(config: Callable[..., Path]) -> None:
    path = config()
    contents = yaml.safe_load(path.read_text())
    contents["kubeflow"].pop("data_file", None)
    contents["data"]["source"] = "minio://data/vibration.npz"
    path.write_text(yaml.safe_dump(contents))
    compiled = compile_project(path)
    given = compiled.spec["root"]["inputDefinitions"]["parameters"]["data_file"]["defaultValue"]
    assert given == "minio://data/vibration.npz"
    contents["data"]["source"] = "ftp://data/vibration.npz"
    path.write_text(yaml.safe_dump(contents))
    with pytest.raises(TinyopsError, match="begins with gs://, s3:// or minio://"):
        compile_project(path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pipeline.project.quiet_libraries.hush", lambda: None)
    done = tinyops("compile", "-o", "missing/pipeline.yaml")
    assert done.status == 1
    assert "missing/pipeline.yaml cannot be written" in done.stderr


def parameters_of(spec: dict[str, Any], task: str) -> dict[str, Any]:
    return spec["root"]["dag"]["tasks"][task]["inputs"]["parameters"]


def test_the_report_names_the_data_that_a_run_names() -> None:
    spec = compile_project(DEFAULT_CONFIG).spec
    data_file = parameters_of(spec, "SensorExampleGen")["data_file"]
    assert data_file == {"componentInputParameter": "data_file"}
    assert parameters_of(spec, "TFLMPusher")["data_source"] == data_file


def test_the_first_step_looks_into_the_pipeline_root_and_the_trainer_knows_the_board() -> None:
    executors = compile_project(DEFAULT_CONFIG).executors
    told = {
        label: {variable["name"]: variable["value"] for variable in executor["container"]["env"]}
        for label, executor in executors.items()
    }
    assert told["SensorExampleGen_executor"]["TINYOPS_PIPELINE_ROOT"] == "minio://mlpipeline/artifacts/tinyops/digits"
    assert told["SensorExampleGen_executor"]["AWS_ENDPOINT_URL"] == "http://seaweedfs.kubeflow:9000"
    profile = BoardProfile.model_validate_json(told["Trainer_executor"]["TINYOPS_BOARD_PROFILE"])
    assert profile == load_profile("cortex-m4")


def test_an_edit_of_the_network_asks_transform_for_nothing_new(config: Callable[..., Path]) -> None:
    path = config()
    contents = yaml.safe_load(path.read_text())
    contents["train"]["preprocessing"] = "scaling.py"
    path.write_text(yaml.safe_dump(contents))
    (path.parent / "scaling.py").write_text("def preprocessing_fn(inputs):\n    return inputs\n")
    before = compile_project(path).spec
    assert parameters_of(before, "Transform")["preprocessing_fn"] == {
        "runtimeValue": {"constant": "scaling.preprocessing_fn"}
    }
    contents["train"]["epochs"] += 1
    path.write_text(yaml.safe_dump(contents))
    module = path.parent / "vibration.py"
    module.write_text(module.read_text() + "# wider\n")
    after = compile_project(path).spec
    assert parameters_of(after, "Transform") == parameters_of(before, "Transform")
    assert parameters_of(after, "Trainer") != parameters_of(before, "Trainer")


def test_the_command_takes_the_project_of_the_folder(
    config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = config().parent
    monkeypatch.chdir(folder)
    monkeypatch.setattr("pipeline.project.quiet_libraries.hush", lambda: None)
    done = tinyops("compile")
    assert (done.status, done.stderr.splitlines()[0]) == (0, "project: tinyops.yaml")
    assert PipelineFile.load(folder / "pipeline.yaml").name == "vibration-2"
