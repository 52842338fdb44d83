"""What replay tells a step and takes from it, held against each release of Kubeflow Pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.replay import driver, launcher, value_text
from pipeline.kubeflow.replay.back_ends import BACK_ENDS, back_end
from pipeline.kubeflow.replay.driver import Invocation, Run
from pipeline.kubeflow.replay.executor_output import read_output
from pipeline.kubeflow.step import ml_metadata
from tests.environments import ROOT
from tests.pipeline.kubeflow.back_end_fixtures import RELEASES, kept

IN_A_POD = Path("/")


def run_of_the_task(release: str) -> Run:
    """A run in which the producer is done, and the task is next."""
    task = kept("task")
    spec = {
        "pipelineInfo": {"name": "small"},
        "defaultPipelineRoot": "minio://bucket/line?region=x",
        "root": {
            "dag": {
                "tasks": {
                    "task": {
                        "componentRef": {"name": "comp-task"},
                        "inputs": {
                            "parameters": {
                                name: {"runtimeValue": {"constant": value}} for name, value in task["given"].items()
                            },
                            "artifacts": {
                                "given": {
                                    "taskOutputArtifact": {"producerTask": "producer", "outputArtifactKey": "made"}
                                }
                            },
                        },
                    }
                }
            }
        },
        "components": {"comp-task": task["component"]},
        "deploymentSpec": {"executors": {"exec-task": {"container": {"args": task["words"]}}}},
    }
    store = {"Provider": "minio", "Params": {"fromEnv": "false"}}
    made = ml_metadata.recorded("made", task["input_uri"], task["input_written"], 2, store)
    return Run(spec, "run-1", {}, IN_A_POD, BACK_ENDS[release], artifacts={"producer": {"made": made}})


def without_salt(told: Invocation) -> Any:
    return json.loads(told.to_json().replace(told.task_root.rpartition("/")[2], "salt"))


@pytest.mark.parametrize("release", RELEASES)
def test_a_step_is_told_what_the_release_tells_it(release: str) -> None:
    expected = kept(release)
    run = run_of_the_task(release)
    told = driver.invocation(run, "task", Path("/tmp/kfp/outputs"))
    # In a pod it has a folder of its own.
    output_file = expected["executor_input"]["outputs"]["outputFile"].replace("/tmp/kfp_outputs", "/tmp/kfp/outputs")
    expected["executor_input"]["outputs"]["outputFile"] = output_file
    assert without_salt(told) == expected["executor_input"]
    words = launcher.filled_in(told.words, without_salt(told), IN_A_POD)
    assert words == expected["words"]


def test_the_executor_input_is_text_as_protojson_writes_it() -> None:
    told = driver.invocation(run_of_the_task("2.17"), "task", Path("/tmp/kfp/outputs"))
    (text,) = launcher.filled_in(["{{$}}"], told.executor_input, IN_A_POD)
    # protojson of 2.17.0 wrote this.
    assert '"all":[1,"<é>",1e-7,1e+21,0.5],"count":3,"left":"default","on":true,"one":{"a":null,"b":1}' in text


def test_the_driver_of_2_17_does_not_know_the_default_of_a_placeholder() -> None:
    """`resolveSinglePlaceholder` (driver/util.go:168): parameter "left" not found in executor input."""
    run = run_of_the_task("2.17")
    run.spec["deploymentSpec"]["executors"]["exec-task"]["container"]["args"] = [
        "--left={{$.inputs.parameters['left']}}"
    ]
    with pytest.raises(TinyopsError, match="the command of task has the parameter left, which the task does not give"):
        driver.invocation(run, "task", IN_A_POD)
    run.back_end = BACK_ENDS["2.16"]
    told = driver.invocation(run, "task", IN_A_POD)
    assert launcher.filled_in(told.words, told.executor_input, IN_A_POD) == ["--left=default"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_parameter_of_few_values_is_held_to_them_from_2_16_on(release: str) -> None:
    run = run_of_the_task(release)
    run.spec["components"]["comp-task"]["inputDefinitions"]["parameters"]["words"]["literals"] = ["six", "seven"]
    if release < "2.16":
        driver.invocation(run, "task", IN_A_POD)
        return
    with pytest.raises(TinyopsError, match=r"parameter task\.words is '7', and may be 'six', 'seven'"):
        driver.invocation(run, "task", IN_A_POD)


@pytest.mark.parametrize("release", RELEASES)
def test_the_time_of_a_run_is_filled_in_from_2_16_on(release: str) -> None:
    run = run_of_the_task(release)
    run.created = "2026-11-29T01:02:03Z"
    words = run.spec["root"]["dag"]["tasks"]["task"]["inputs"]["parameters"]["words"]
    words["runtimeValue"]["constant"] = placeholder = "{{$.pipeline_job_create_time_utc}}"
    told = driver.invocation(run, "task", IN_A_POD).executor_input["inputs"]["parameterValues"]["words"]
    assert told == (placeholder if release < "2.16" else run.created)


@pytest.mark.parametrize("case", kept("left")["executor_outputs"], ids=lambda case: case["text"])
def test_an_output_file_is_read_by_the_releases_that_read_it(tmp_path: Path, case: dict[str, Any]) -> None:
    file = tmp_path / "output_metadata.json"
    file.write_text(case["text"])
    for release, reader in BACK_ENDS.items():
        if release in case["read_by"]:
            read_output(file, reader)
            continue
        with pytest.raises(TinyopsError) as refused:
            read_output(file, reader)
        assert "\n" not in refused.value.message
        assert str(file) in refused.value.message


@pytest.mark.parametrize("case", kept("left")["output_parameters"], ids=lambda case: f"{case['type']} {case['text']!r}")
def test_an_output_parameter_is_the_value_that_the_launcher_reads(case: dict[str, Any]) -> None:
    if "value" in case:
        assert value_text.to_json(value_text.read(case["text"], case["type"])) == case["value"]
        return
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what it was about
        value_text.read(case["text"], case["type"])


@pytest.mark.parametrize("case", kept("left")["shown"], ids=lambda case: case["value"])
def test_a_value_is_the_text_that_go_writes(case: dict[str, Any]) -> None:
    value = value_text.parse_json(case["value"])
    assert value_text.shown(value) == case["text"]
    assert value_text.shown_by_driver(value) == case["by_driver"]


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        value_text.parse_json("[" * 100_000 + "]" * 100_000)


def test_the_docs_have_each_release_with_its_tag() -> None:
    text = (ROOT / "docs" / "compatibility.md").read_text()
    assert [one.tag for one in BACK_ENDS.values() if f"\n| {one.release} | {one.tag} |" not in text] == []


def test_a_release_that_is_not_replayed_is_told() -> None:
    with pytest.raises(TinyopsError, match=r"--back-end 2\.13: that release is not replayed") as refused:
        back_end("2.13")
    assert refused.value.remedy == "take 2.14, 2.15, 2.16 or 2.17"
