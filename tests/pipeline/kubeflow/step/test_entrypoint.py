"""The entrypoint, told what Kubeflow's launcher tells it, in this process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.kubeflow.replay import driver, launcher
from pipeline.kubeflow.replay.back_ends import BACK_ENDS, NEWEST
from pipeline.kubeflow.replay.driver import Run
from pipeline.kubeflow.replay.executor_output import read_output
from pipeline.kubeflow.step import entrypoint, ml_metadata, mounts
from pipeline.kubeflow.step.executor_input import type_title
from pipeline.kubeflow.step.project_module import MODULE_FOLDER
from tests.pipeline.kubeflow.back_end_fixtures import RELEASES, WITHOUT_ML_METADATA, kept

STEPS = "tests.pipeline.kubeflow.tfx_steps"
ROOT = "minio://mlpipeline/v2/artifacts"
MODEL = {"schemaTitle": "tfx.Model"}


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(mounts.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which Kubernetes looks for the message."""
    file = tmp_path / "termination-log"
    file.write_text("of an earlier container, longer than the one that follows " * 9)
    monkeypatch.setenv(entrypoint.TERMINATION_LOG, str(file))
    return file


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """The entrypoint with arguments; what it changes in this process is put back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["entrypoint", *arguments])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        return entrypoint.main()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    """Writer and Reader, compiled by TFX."""
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
    from tfx.orchestration.pipeline import Pipeline

    from tests.pipeline.kubeflow import tfx_steps

    writer = tfx_steps.Writer(count=1, share=0.5, words="seven")
    reader = tfx_steps.Reader(ROOT, **{key: writer.outputs[key] for key in tfx_steps.ReaderSpec.INPUTS})
    runner = KubeflowV2DagRunner(KubeflowV2DagRunnerConfig(default_image="x:1", use_pipeline_spec_2_1=True))
    job = runner.run(
        Pipeline("two-steps", ROOT, components=[writer, reader], beam_pipeline_args=["--runner=x"]), write_out=False
    )
    return {**job["pipelineSpec"], "defaultPipelineRoot": ROOT}


def arguments(executor: str, folder: Path) -> list[str]:
    """For a step with one output that TFX needs no compiler for."""
    artifact = {"uri": f"{ROOT}/two-steps/run/Step/salt/found", "type": MODEL}
    outputs = {"artifacts": {"found": {"artifacts": [artifact]}}, "outputFile": str(folder / "out" / "metadata.json")}
    given = {"inputs": {}, "outputs": outputs}
    return [
        *("--executor_class_path", f"{STEPS}.{executor}"),
        *("--json_serialized_invocation_args", json.dumps(given)),
        *("--json_serialized_inputs_spec_args", "{}"),
    ]


def run_task(run: Run, task: str, folder: Path) -> dict[str, Any]:
    """What Kubeflow does around the entrypoint; returns what the step wrote."""
    told = driver.invocation(run, task, folder)
    entrypoint.run(launcher.filled_in(told.words, told.executor_input, run.stores))
    file = Path(told.executor_input["outputs"]["outputFile"])
    launcher.take_outputs(run, task, told, read_output(file, run.back_end))
    return json.loads(file.read_text())


def told_without_ml_metadata(run: Run, output: dict[str, Any]) -> None:
    """Have the next step told what this one wrote (kubeflow/pipelines#13986), in the shape that the fixture has."""
    (shape,) = kept(WITHOUT_ML_METADATA)["executor_input"]["inputs"]["artifacts"]["given"]["artifacts"]
    definitions = run.component("Writer")["outputDefinitions"]["artifacts"]
    for key, listed in output["artifacts"].items():
        title = type_title(definitions[key]["artifactType"])
        own = {"name": key, "type": {"schemaTitle": title}, **listed["artifacts"][0]}
        run.artifacts["Writer"][key] = {**shape, **own}


@pytest.mark.parametrize("release", [*RELEASES, WITHOUT_ML_METADATA])
def test_what_a_step_leaves_the_next_one_finds(spec: dict[str, Any], stores: Path, release: str) -> None:
    run = Run(spec, "run-1", {}, stores, BACK_ENDS.get(release, NEWEST))
    output = run_task(run, "Writer", stores / "Writer")
    Path(mounts.local_path(run.artifacts["Writer"]["acceptance_set"]["uri"])).rmdir()
    if release == WITHOUT_ML_METADATA:
        told_without_ml_metadata(run, output)
    run_task(run, "Reader", stores / "Reader")
    found = json.loads(Path(mounts.local_path(run.artifacts["Reader"]["found"]["uri"]), "found.json").read_text())
    examples = f"{stores}/minio/mlpipeline/v2/artifacts/two-steps/run-1/Writer/"
    assert found.pop("examples_uri").startswith(examples)
    assert found.pop("current_model").startswith(examples)
    assert found == {
        "classes": {
            "examples": "Examples",
            "blessing": "ModelBlessing",
            "acceptance_set": "AcceptanceSet",
            "report": "DeploymentReport",
        },
        "splits": ["train", "eval"],
        "span": 3,
        "payload_format": 6,
        "data_sha256": "ab12",
        "listed": [1, "two"],
        "nested": {"train": {"ok": True}},
        "added": False,
        "blessed": 1,
        "pushed": 1,
        "reason": "",
        "acceptance_is_folder": True,
        "ids": 4,
        "parameters": {"root": f"{stores}/minio/mlpipeline/v2/artifacts"},
    }
    assert set(output["artifacts"]) == {"examples", "blessing", "acceptance_set", "report", "html"}
    for key, listed in output["artifacts"].items():
        (artifact,) = listed["artifacts"]
        assert artifact["uri"].startswith(f"{ROOT}/two-steps/run-1/Writer/")
        assert artifact["uri"].endswith(f"/{key}")
        assert "name" not in artifact
    assert output["artifacts"]["blessing"]["artifacts"][0]["metadata"]["current_model"].startswith(ROOT)


def test_a_store_that_does_not_answer_ends_the_first_step(
    main: Callable[..., int], tmp_path: Path, word: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its component is run: the step that needs the store runs after the training."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv(entrypoint.PIPELINE_ROOT, f"{ROOT}/two-steps")
        assert main(*arguments("Mend", tmp_path)) == 1
    assert word.read_text().startswith(f"error: {ROOT}/two-steps cannot be read: Could not connect to the endpoint")
    assert "kubeflow.object_store" in word.read_text()


def test_parameters_have_the_type_that_the_component_declares(spec: dict[str, Any], stores: Path) -> None:
    run = Run(spec, "run-1", {}, stores, NEWEST)
    run_task(run, "Writer", stores / "Writer")
    examples = Path(mounts.local_path(run.artifacts["Writer"]["examples"]["uri"]))
    assert (examples / "Split-train" / "data").read_text() == '{"count": 1, "share": 0.5, "words": "seven"}'


def test_what_kubeflow_shows_is_the_file_itself(spec: dict[str, Any], stores: Path) -> None:
    run = Run(spec, "run-1", {}, stores, NEWEST)
    run_task(run, "Writer", stores / "Writer")
    page = Path(mounts.local_path(run.artifacts["Writer"]["html"]["uri"]))
    assert page.read_text() == "<p>"
    assert [path.name for path in page.parent.iterdir() if path.name.startswith("html")] == ["html"]


def test_in_a_container_a_parameter_stays_a_uri(
    spec: dict[str, Any], stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.kubeflow.step.executor_input import ExecutorInput, InputDefinitions, for_tfx, parse
    from tests.pipeline.kubeflow import tfx_steps

    monkeypatch.delenv(mounts.VARIABLE)
    run = Run(spec, "run-1", {}, stores, NEWEST)
    run.artifacts["Writer"] = {
        key: ml_metadata.recorded(key, f"{ROOT}/{key}", {}, 1, {}) for key in tfx_steps.ReaderSpec.INPUTS
    }
    given = parse(ExecutorInput, driver.invocation(run, "Reader", stores).to_json(), "input")
    definitions = parse(InputDefinitions, json.dumps(spec["components"]["Reader"]["inputDefinitions"]), "definitions")
    adapted = for_tfx(given, definitions, {})
    assert adapted.inputs.parameter_values == {"root": ROOT}
    assert adapted.inputs.artifacts["examples"].artifacts[0].uri == "/minio/mlpipeline/v2/artifacts/examples"


def test_an_error_that_a_user_can_mend_is_one_line(
    main: Callable[..., int], stores: Path, word: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(*arguments("Mend", stores)) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: data.npz has no array 'label'; xxx")
    assert "Traceback" not in said
    message = word.read_text()
    assert message.startswith("error: data.npz has no array 'label'; xxx")
    assert len(message) == 4096


def test_a_refusal_has_a_status_of_its_own(
    main: Callable[..., int], stores: Path, word: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(*arguments("Refuse", stores)) == 3
    assert capsys.readouterr().err.splitlines()[-1] == "error: not promoted: too slow; read the report"
    assert word.read_text() == "error: not promoted: too slow; read the report"


@pytest.mark.parametrize("letter", ["\u00e4", "\udce4"], ids=["two bytes", "a byte that is no text"])
def test_the_message_is_text_however_long_it_is(word: Path, letter: str) -> None:
    entrypoint._explain("x" + letter * 5000)
    assert 4000 < len(word.read_bytes()) <= 4096
    assert word.read_text().startswith("error: x")


def test_without_a_file_for_the_message_the_log_has_it(
    main: Callable[..., int], stores: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(entrypoint.TERMINATION_LOG, str(stores / "absent"))
    assert main(*arguments("Refuse", stores)) == 3
    assert "not promoted" in capsys.readouterr().err
    assert not (stores / "absent").exists()


def test_asked_to_end_a_step_takes_boards_back_first(
    main: Callable[..., int], stores: Path, word: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(*arguments("Deploy", stores)) == 143
    (output,) = (stores / "minio").rglob("found")
    assert (output / "taken_back").exists()
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: the step is not done")
    assert word.read_text().endswith("it was stopped by SIGTERM")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--json_serialized_invocation_args", "{{$}}", "the executor input: (whole file)"),
        ("--json_serialized_invocation_args", '{"inputs": {}}', "the executor input: outputs: missing"),
        (
            "--json_serialized_invocation_args",
            '{"outputs": {"outputFile": "/x", "artifacts": {"model": {"artifacts": [{}]}}}}',
            "outputs.artifacts.model.artifacts.0.uri: missing",
        ),
        ("--json_serialized_inputs_spec_args", "[]", "the component's input definitions: (whole file)"),
    ],
)
def test_input_that_makes_no_sense_is_named(
    main: Callable[..., int],
    stores: Path,
    word: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value: str,
    said: str,
) -> None:
    given = arguments("Write", stores)
    given[given.index(option) + 1] = value
    assert main(*given) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert said in line
    assert word.read_text() == line


def test_a_missing_argument_is_named(main: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main("--executor_class_path", "x.Y") == 1
    assert "argument --json_serialized_invocation_args is missing" in capsys.readouterr().err


CRASH = """
from tfx.dsl.components.base.base_executor import BaseExecutor

class Executor(BaseExecutor):
    def Do(self, *_):
        raise ZeroDivisionError("no such\\nluck")
"""


def test_a_crash_keeps_its_traceback_and_ends_with_the_line(stores: Path, word: Path) -> None:
    (stores / "users.py").write_text(CRASH)
    given = arguments("Executor", stores)
    given[1] = "users.Executor"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.kubeflow.step.entrypoint", *given],
        env={**os.environ, MODULE_FOLDER: str(stores)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    line = "error: ZeroDivisionError: no such luck; look for the cause in the traceback above"
    assert done.stderr.splitlines()[-1] == line
    assert word.read_text() == line
