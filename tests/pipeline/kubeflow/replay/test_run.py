"""Replays of pipelines that need neither TFX nor a board: what is passed on, what fails and how."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_deployer.errors import TinyopsError
from pipeline.cli.replay import replay as replay_command
from pipeline.kubeflow.replay.back_ends import BACK_ENDS, NEWEST
from pipeline.kubeflow.replay.run import REPORT_TYPE, ReplayResult, replay
from pipeline.kubeflow.replay.run_parameters import run_parameters
from pipeline.kubeflow.replay.step_process import on_this_machine
from pipeline.kubeflow.replay.this_machine import host_parameters
from pipeline.project.config import DEFAULT_CONFIG
from pipeline.project.preflight import load_project
from tests.edge_deployer.cli.command import TINYOPS
from tests.pipeline.kubeflow.small_pipeline import FOLDER, constant, importer, pipeline, step

KEEP = "import sys; open(sys.argv[2], 'w').write(sys.argv[1])"
FAIL = "import sys; print('first line'); sys.exit('the reason')"


def run(spec: dict[str, Any], workspace: Path, *assignments: str, release: str = NEWEST.release) -> ReplayResult:
    modules = workspace / "modules"
    modules.mkdir(parents=True, exist_ok=True)
    start = on_this_machine(modules)
    parameters = run_parameters(spec, assignments)
    return replay(spec, parameters, workspace, start, follow=[].append, back_end=BACK_ENDS[release])


def told(workspace: Path, task: str, number: int = 1) -> dict[str, Any]:
    """The executor input that a step was given."""
    return json.loads((workspace / "runs" / f"run-{number}" / task / "executor_input.json").read_text())


def test_steps_run_after_what_they_depend_on_and_are_told_where_it_is(tmp_path: Path) -> None:
    write = "import sys, pathlib; pathlib.Path(sys.argv[1]).mkdir(); pathlib.Path(sys.argv[1], 'x').write_text('7')"
    read = "import sys; assert open(sys.argv[1] + '/x').read() == '7'; assert sys.argv[2].startswith('minio://bucket/')"
    spec = pipeline(
        {
            "a-reader": step(
                read,
                "{{$.inputs.artifacts['given'].path}}",
                "{{$.inputs.artifacts['given'].uri}}",
                artifacts={"given": "z-writer.made"},
            ),
            "b-last": step("pass", after=("a-reader",)),
            "z-writer": step(write, "{{$.outputs.artifacts['made'].path}}", outputs={"made": FOLDER}),
        }
    )
    result = run(spec, tmp_path)
    assert result.failure is None
    assert [ended.task for ended in result.steps] == ["z-writer", "a-reader", "b-last"]
    (artifact,) = told(tmp_path, "a-reader")["inputs"]["artifacts"]["given"]["artifacts"]
    assert artifact["uri"].startswith("minio://bucket/v2/artifacts/small/run-1/z-writer/")
    assert artifact["type"] == {"instanceSchema": ""}
    assert artifact["metadata"]["display_name"] == "made"
    assert artifact["name"].isdecimal()
    (provisioned,) = told(tmp_path, "z-writer")["outputs"]["artifacts"]["made"]["artifacts"]
    assert provisioned["type"] == FOLDER


def test_metadata_goes_through_ml_metadata(tmp_path: Path) -> None:
    write = (
        "import json, sys; given = json.loads(sys.argv[1]); out = given['outputs'];"
        "made = {'artifacts': [{'uri': out['artifacts']['made']['artifacts'][0]['uri'],"
        " 'metadata': {'count': 3, 'good': True, 'words': 'seven', 'all': [1], 'one': {'a': 1}}}]};"
        "json.dump({'artifacts': {'made': made}}, open(out['outputFile'], 'w'))"
    )
    spec = pipeline(
        {
            "writer": step(write, "{{$}}", outputs={"made": FOLDER}),
            "reader": step("pass", artifacts={"given": "writer.made"}),
        }
    )
    assert run(spec, tmp_path).failure is None
    (artifact,) = told(tmp_path, "reader")["inputs"]["artifacts"]["given"]["artifacts"]
    metadata = {name: value for name, value in artifact["metadata"].items() if name != "store_session_info"}
    assert metadata == {
        "display_name": "made",
        "count": 3,
        "good": 1,
        "words": "seven",
        "all": {"list": [1]},
        "one": {"struct": {"a": 1}},
    }


def test_an_empty_folder_is_lost_as_in_an_object_store(tmp_path: Path) -> None:
    write = (
        "import sys, pathlib; out = pathlib.Path(sys.argv[1]); (out / 'empty' / 'deep').mkdir(parents=True);"
        "(out / 'full').mkdir(); (out / 'full' / 'x').write_text('')"
    )
    read = "import sys, os; assert os.listdir(sys.argv[1]) == ['full'], os.listdir(sys.argv[1])"
    spec = pipeline(
        {
            "writer": step(write, "{{$.outputs.artifacts['made'].path}}", outputs={"made": FOLDER}),
            "reader": step(read, "{{$.inputs.artifacts['given'].path}}", artifacts={"given": "writer.made"}),
        }
    )
    assert run(spec, tmp_path).failure is None


def test_parameters_reach_steps_in_their_type(tmp_path: Path) -> None:
    check = (
        "import json, sys; given = json.loads(sys.argv[1])['inputs']['parameterValues'];"
        "assert given == {'words': '7', 'count': 12, 'share': 0.5, 'on': True, 'all': [1, 'a'], 'run': 'run-1',"
        " 'produced': 41, 'whole': 3}, given;"
        "assert sys.argv[2:] == ['7', '12', '0.5', 'true', '[1,\"a\"]', '3'], sys.argv"
    )
    kinds = {"words": "STRING", "count": "NUMBER_INTEGER", "share": "NUMBER_DOUBLE", "on": "BOOLEAN", "all": "LIST"}
    parameters: dict[str, Any] = {name: (kind, {"componentInputParameter": name}) for name, kind in kinds.items()}
    parameters["run"] = ("STRING", constant("{{$.pipeline_job_uuid}}"))
    # As it stands in a file that TFX compiled.
    parameters["whole"] = ("NUMBER_INTEGER", constant(3.0))
    parameters["produced"] = (
        "NUMBER_INTEGER",
        {"taskOutputParameter": {"producerTask": "producer", "outputParameterKey": "number"}},
    )
    spec = pipeline(
        {
            "producer": step(
                KEEP,
                "41",
                "{{$.outputs.parameters['number'].output_file}}",
                output_parameters={"number": "NUMBER_INTEGER"},
            ),
            "consumer": step(
                check,
                "{{$}}",
                *(f"{{{{$.inputs.parameters['{name}']}}}}" for name in (*kinds, "whole")),
                parameters=parameters,
            ),
        },
        {
            **{name: {"parameterType": kind} for name, kind in kinds.items()},
            "unused": {"parameterType": "STRING", "isOptional": True},
        },
    )
    result = run(spec, tmp_path, "words=7", "count=12", "share=0.5", "on=true", 'all=[1, "a"]')
    assert result.failure is None, result.failure.log.read_text()


@pytest.mark.parametrize(
    ("assignments", "said"),
    [
        (["count=1", "words=a", "other=2"], "no parameter 'other'"),
        (["words=a"], "no value for count, which have no default"),
        (["words=a", "count=1.5"], "--parameter count=1.5: a whole number is wanted"),
        (["words"], "--parameter words: no value"),
    ],
)
def test_a_wrong_parameter_is_told_before_a_step_runs(assignments: list[str], said: str) -> None:
    spec = pipeline(
        {"only": step("pass")},
        {
            "count": {"parameterType": "NUMBER_INTEGER"},
            "words": {"parameterType": "STRING"},
            "given": {"parameterType": "STRING", "defaultValue": "x"},
        },
    )
    with pytest.raises(TinyopsError, match=said.replace(".", r"\.")):
        run_parameters(spec, assignments)


@pytest.mark.parametrize(("release", "kept"), [("2.14", []), ("2.15", []), ("2.16", ["log"]), ("2.17", ["log"])])
def test_the_first_failure_ends_the_replay_and_leaves_at_most_its_log_in_the_store(
    tmp_path: Path, release: str, kept: list[str]
) -> None:
    leave = "import sys, os; os.mkdir(sys.argv[1]); open(sys.argv[1] + '/x', 'w').close();" + FAIL
    spec = pipeline(
        {
            "good": step("pass"),
            "bad": step(leave, "{{$.outputs.artifacts['made'].path}}", outputs={"made": FOLDER}, after=("good",)),
            "never": step("pass", after=("bad",)),
        }
    )
    result = run(spec, tmp_path, release=release)
    assert [ended.task for ended in result.steps] == ["good", "bad"]
    assert result.failure is not None
    assert (result.failure.task, result.failure.status, result.failure.message) == ("bad", 1, "the reason")
    assert "first line" in result.failure.log.read_text()
    stored = [path for path in (tmp_path / "minio").rglob("*") if path.is_file() and "bad" in path.parts]
    assert [path.name for path in stored] == ["executor-logs-0"] * len(kept)
    assert all(path.read_text() == result.failure.log.read_text() for path in stored)


def test_a_step_that_is_killed_says_so(tmp_path: Path) -> None:
    dies = "import os, signal; print('fine so far', flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    spec = pipeline({"only": step(dies)})
    failure = run(spec, tmp_path).failure
    assert failure is not None
    assert failure.message == "it ended on SIGKILL"


def test_a_program_that_only_the_image_has_is_named(tmp_path: Path) -> None:
    spec = pipeline({"only": step("pass")})
    spec["deploymentSpec"]["executors"]["exec-only"]["container"]["command"] = ["/opt/train"]
    with pytest.raises(TinyopsError, match="step only cannot run '/opt/train' on this machine"):
        run(spec, tmp_path)


@pytest.mark.parametrize("module", ["pipeline.entrypoint_of_before", "pipeline.rooms_of_before.entrypoint"])
def test_a_module_that_another_version_has_is_named(tmp_path: Path, module: str) -> None:
    spec = pipeline({"only": step("pass")})
    spec["deploymentSpec"]["executors"]["exec-only"]["container"]["command"] = ["python", "-m", module]
    with pytest.raises(TinyopsError, match=f"step only runs the module {module}") as raised:
        run(spec, tmp_path)
    assert raised.value.remedy.startswith("compile the pipeline again")


def test_a_task_that_cleans_up_runs_after_a_failure(tmp_path: Path) -> None:
    word = {"taskOutputParameter": {"producerTask": "bad", "outputParameterKey": "x"}}
    anyway = {"triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}
    spec = pipeline(
        {
            "bad": step(FAIL, outputs={"made": FOLDER}, output_parameters={"x": "STRING"}),
            "clean-up": step("pass", after=("bad",), **anyway),
            "needs-it": step("pass", artifacts={"given": "bad.made"}, **anyway),
            "needs-its-word": step("pass", parameters={"x": ("STRING", word)}, **anyway),
        }
    )
    result = run(spec, tmp_path)
    assert [ended.task for ended in result.steps] == ["bad", "clean-up"]
    assert result.failure is result.steps[0]


def test_an_output_elsewhere_than_in_the_run_is_not_taken(tmp_path: Path) -> None:
    write = (
        "import json, sys; out = json.loads(sys.argv[1])['outputs'];"
        "made = {'artifacts': [{'uri': 'minio://bucket/elsewhere', 'metadata': {}}]};"
        "json.dump({'artifacts': {'made': made}}, open(out['outputFile'], 'w'))"
    )
    spec = pipeline({"writer": step(write, "{{$}}", outputs={"made": FOLDER})})
    failure = run(spec, tmp_path).failure
    assert failure is not None
    assert failure.message.startswith("output made of writer is minio://bucket/elsewhere")


def test_an_importer_brings_in_what_an_earlier_replay_left(tmp_path: Path) -> None:
    write = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('kept')"
    first = pipeline({"writer": step(write, "{{$.outputs.artifacts['made'].path}}", outputs={"made": FOLDER})})
    assert run(first, tmp_path).failure is None
    (artifact,) = told(tmp_path, "writer")["outputs"]["artifacts"]["made"]["artifacts"]
    read = "import sys; assert open(sys.argv[1]).read() == 'kept'"
    second = pipeline(
        {
            "bring": importer(artifact["uri"]),
            "reader": step(read, "{{$.inputs.artifacts['given'].path}}", artifacts={"given": "bring.artifact"}),
        }
    )
    result = run(second, tmp_path)
    assert result.failure is None
    assert result.run_id == "run-2"


def parameter(source: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": {"x": ("STRING", source)}}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"parameterIterator": {}}, r"is a loop \(dsl.ParallelFor\)"),
        ({"triggerPolicy": {"condition": "true"}}, r"is a condition \(dsl.If\)"),
        (parameter({"taskFinalStatus": {}}), "asks in x how another task ended"),
        (parameter(constant("{{$.workspace_path}}/x")), "has the run's workspace in x"),
        (
            parameter({"componentInputParameter": "y", "parameterExpressionSelector": "z"}),
            "takes x out of another value",
        ),
    ],
)
def test_what_is_not_replayed_is_told_before_a_step_runs(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(TinyopsError, match=f"^task only {said}.*, which is not replayed"):
        run(pipeline({"first": step("pass"), "only": step("pass", **more)}), tmp_path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("part", "more", "said"),
    [
        ("component", {"dag": {}}, "is a pipeline of its own"),
        (
            "executor",
            {"importer": {"downloadToWorkspace": True}},
            r"imports into the run's workspace \(download_to_workspace\)",
        ),
        ("component", {"executorLabel": "absent"}, "is neither a container nor an importer"),
        (
            "component",
            {"inputDefinitions": {"parameters": {"x": {"parameterType": "TASK_CONFIG"}}}},
            r"gets x from Kubernetes \(dsl.TaskConfig\)",
        ),
    ],
)
def test_what_runs_is_a_container_or_an_importer(tmp_path: Path, part: str, more: dict[str, Any], said: str) -> None:
    spec = pipeline({"only": step("pass")})
    there = spec["components"]["comp-only"] if part == "component" else spec["deploymentSpec"]["executors"]["exec-only"]
    there.update(more)
    with pytest.raises(TinyopsError, match=f"^task only {said}, which is not replayed"):
        run(spec, tmp_path)


def test_tasks_that_wait_for_each_other_are_told(tmp_path: Path) -> None:
    spec = pipeline({"a": step("pass", after=("b",)), "b": step("pass", after=("a",))})
    with pytest.raises(TinyopsError, match="tasks wait for each other"):
        run(spec, tmp_path)


def test_the_report_is_known_by_the_type_that_the_pusher_gives_it() -> None:
    from components.artifact_types import DeploymentReport

    assert REPORT_TYPE == DeploymentReport.TYPE_NAME


def test_paths_of_the_container_are_this_machines(tmp_path: Path) -> None:
    project = load_project(DEFAULT_CONFIG)
    values = host_parameters(project, {"pipelineInfo": {"name": "digits"}}, tmp_path)
    assert Path(values["data_file"]).is_file()
    assert values == {**values, "workspace": str(tmp_path / "release-line"), "inventory": "", "signing_key": ""}
    declared = {"data_file": {"parameterType": "STRING", "defaultValue": "/opt/data.npz"}}
    spec = pipeline({"only": step("pass")}, declared)
    assert run_parameters(spec, [], values) == {"data_file": values["data_file"]}
    assert run_parameters(spec, ["data_file=x.npz"], values) == {"data_file": "x.npz"}
    assert host_parameters(project, spec, tmp_path) == {}


def test_a_file_that_cannot_be_run_is_refused_in_a_line(tmp_path: Path) -> None:
    spec = pipeline({"only": step("pass")})
    spec["root"]["dag"]["tasks"]["only"]["componentRef"]["name"] = "absent"
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(spec))
    with pytest.raises(TinyopsError, match=r"root\.dag\.tasks\.only\.componentRef\.name.*'absent'") as refused:
        replay_command(file, workspace=tmp_path / "kept")
    assert refused.value.remedy == f"see `tinyops verify {file}`"
    assert not (tmp_path / "kept").exists()


def command(folder: Path, spec: dict[str, Any], *arguments: str) -> list[str]:
    file = folder / "pipeline.yaml"
    file.write_text(yaml.safe_dump(spec))
    return [str(TINYOPS), "replay", str(file), "--workspace", str(folder / "kept"), *arguments]


def test_the_command_says_what_failed_and_where_to_look(tmp_path: Path) -> None:
    spec = pipeline({"bad": step(FAIL)})
    done = subprocess.run(command(tmp_path, spec), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "failed at bad: the reason" in done.stdout
    assert str(tmp_path / "kept" / "runs" / "run-1" / "bad" / "log.txt") in done.stdout
    assert done.stderr.startswith("bad ")


def test_the_command_prints_json(tmp_path: Path) -> None:
    spec = pipeline({"good": step("pass")}, {"n": {"parameterType": "NUMBER_INTEGER"}})
    done = subprocess.run(
        command(tmp_path, spec, "--json", "--parameter", "n=1", "--back-end", "2.14"),
        capture_output=True,
        text=True,
        check=True,
    )
    outcome = json.loads(done.stdout)
    assert (outcome["outcome"], outcome["run"], outcome["failed_step"]) == ("done", "run-1", None)
    assert outcome["back_end"] == "2.14"
    output_file = tmp_path / "kept" / "runs" / "run-1" / "good" / "output_metadata.json"
    assert told(tmp_path / "kept", "good")["outputs"]["outputFile"] == str(output_file)
    assert [taken["task"] for taken in outcome["steps"]] == ["good"]
    assert done.stderr == ""


@pytest.mark.parametrize(
    # A terminal tells all that run in it; a CI system that cancels a job, the command alone.
    ("stop", "status"),
    [(lambda process: os.killpg(process.pid, signal.SIGINT), 130), (lambda process: process.terminate(), 143)],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_stopping_lets_the_step_end_itself(
    tmp_path: Path, stop: Callable[[subprocess.Popen[str]], None], status: int
) -> None:
    wait = (
        "import signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: (open(sys.argv[2], 'w').close(), sys.exit(143)));"
        "open(sys.argv[1], 'w').close(); time.sleep(600)"
    )
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    spec = pipeline({"waits": step(wait, str(begun), str(ended)), "never": step("pass", after=("waits",))})
    with subprocess.Popen(
        command(tmp_path, spec), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 120
        while not begun.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        stop(process)
        _, said = process.communicate(timeout=120)
    assert process.returncode == status
    assert ended.exists()
    assert (
        said.splitlines()[-1] == f"stopped by {signal.Signals(status - 128).name}; waits: it ended with exit status 143"
    )
