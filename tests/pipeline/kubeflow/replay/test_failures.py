"""What goes wrong in a step, before it and after it, in each release: it fails, in one line, and none runs after it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.kubeflow.replay.back_ends import BACK_ENDS
from pipeline.kubeflow.replay.run import ReplayResult, replay
from pipeline.kubeflow.replay.step_process import on_this_machine
from tests.pipeline.kubeflow.back_end_fixtures import RELEASES
from tests.pipeline.kubeflow.small_pipeline import FOLDER, constant, pipeline, step

SAY = (
    "import json, sys; given = json.loads(sys.argv[1]); open(given['outputs']['outputFile'], 'w').write(sys.argv[2]);"
    "open(sys.argv[3], 'w').write('made')"
)
WRITE = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"


def says(output: str, **more: Any) -> dict[str, Any]:
    """A step that writes an output file, and its output."""
    return step(SAY, "{{$}}", output, "{{$.outputs.artifacts['made'].path}}", outputs={"made": FOLDER}, **more)


def made(**artifact: Any) -> str:
    return json.dumps({"artifacts": {"made": {"artifacts": [artifact]}}})


def leaves(kind: str, text: str) -> dict[str, Any]:
    """A step that writes an output parameter."""
    return step(WRITE, "{{$.outputs.parameters['x'].output_file}}", text, output_parameters={"x": kind})


@dataclass(frozen=True)
class Kind:
    """A kind of failure: the step `bad`, and what is said of it."""

    bad: dict[str, Any]
    said: str
    releases: tuple[str, ...] = RELEASES
    steps: dict[str, Any] = field(default_factory=dict)  # What runs before.


PRODUCED = {"taskOutputParameter": {"producerTask": "before", "outputParameterKey": "x"}}

KINDS = {
    "the program ends with a status": Kind(step("import sys; sys.exit('the reason')"), "the reason"),
    "the program is killed": Kind(step("import os; os.kill(os.getpid(), 9)"), "it ended on SIGKILL"),
    "not JSON": Kind(says("{'made': 1}"), "cannot be read: Expecting property name"),
    "an unknown field": Kind(says('{"outputs": {}}'), "outputs: unknown key"),
    "an unknown field of an artifact": Kind(says(made(path="/x")), "artifacts.made.artifacts.0.path: unknown key"),
    "NaN": Kind(says(made(metadata={"loss": float("nan")})), "JSON has no NaN"),
    "a number for a URI": Kind(says(made(uri=5)), "artifacts.made.artifacts.0.uri = 5"),
    "metadata that is null": Kind(says(made(metadata={"loss": None})), "metadata made.loss is null"),
    "another place": Kind(says(made(uri="minio://bucket/elsewhere")), "output made of bad is minio://bucket/elsewhere"),
    "a place of its own before there were any": Kind(says(made(customPath="/tmp/x")), "customPath", ("2.14",)),
    "3.7 for an integer": Kind(leaves("NUMBER_INTEGER", "3.7"), "bad.x was not written as NUMBER_INTEGER: '3.7'"),
    "a number that JSON has not": Kind(leaves("NUMBER_DOUBLE", "nan"), "bad.x was not written as NUMBER_DOUBLE: 'nan'"),
    "no output parameter": Kind(step("pass", output_parameters={"x": "STRING"}), "bad.x was not written as STRING"),
    "a value of another type": Kind(
        step("pass", parameters={"x": ("LIST", PRODUCED)}),
        "parameter bad.x is 7, not LIST",
        steps={"before": leaves("NUMBER_INTEGER", "7")},
    ),
    "a default that the driver does not know": Kind(
        step("pass", "{{$.inputs.parameters['y']}}", parameters={"x": ("STRING", constant("x"))}),
        "the command of bad has the parameter y",
        ("2.17",),
    ),
}
CASES = [
    pytest.param(kind, release, id=f"{name}, {release}") for name, kind in KINDS.items() for release in kind.releases
]


def run(steps: dict[str, Any], folder: Path, release: str) -> ReplayResult:
    spec = pipeline(steps)
    parameters = spec["components"]["comp-bad"]["inputDefinitions"]["parameters"]
    if "{{$.inputs.parameters['y']}}" in spec["deploymentSpec"]["executors"]["exec-bad"]["container"]["args"]:
        parameters["y"] = {"parameterType": "STRING", "isOptional": True, "defaultValue": "z"}
    return replay(spec, {}, folder, on_this_machine(folder), follow=[].append, back_end=BACK_ENDS[release])


@pytest.mark.parametrize(("kind", "release"), CASES)
def test_a_failure_of_each_kind_fails_the_step_with_one_line(kind: Kind, release: str, tmp_path: Path) -> None:
    steps = {**kind.steps, "bad": kind.bad, "never": step("pass", after=("bad",))}
    result = run(steps, tmp_path, release)
    failure = result.failure
    assert failure is not None
    assert [ended.task for ended in result.steps] == [*kind.steps, "bad"]
    assert failure.status != 0
    assert kind.said in failure.message
    assert "\n" not in failure.message
    if failure.status == 1:
        assert failure.log.read_text().splitlines()[-1].removeprefix("error: ") == failure.message
    stored = [path for path in (tmp_path / "minio").rglob("*") if path.is_file() and "bad" in path.parts]
    assert not [path for path in stored if not path.name.startswith("executor-logs")]


@pytest.mark.parametrize("release", RELEASES)
def test_of_a_step_only_its_outputs_and_its_log_are_stored(tmp_path: Path, release: str) -> None:
    write = (
        "import sys, json, pathlib; given = json.loads(sys.argv[1])['outputs']; made = pathlib.Path(sys.argv[2]);"
        "made.mkdir(); (made / 'x').write_text(''); (made.parent / 'beside').write_text('');"
        "json.dump({}, open(given['outputFile'], 'w')); print('said')"
    )
    writer = step(write, "{{$}}", "{{$.outputs.artifacts['made'].path}}", outputs={"made": FOLDER})
    result = run({"bad": writer}, tmp_path, release)
    assert result.failure is None
    (root,) = (tmp_path / "minio" / "bucket" / "v2" / "artifacts" / "small" / "run-1" / "bad").iterdir()
    logs = "executor-logs-0" if release >= "2.16" else "executor-logs"
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [logs, "made", "made/x"]
    assert (root / logs).read_text() == "said\n"
    assert (tmp_path / "runs" / "run-1" / "bad" / "output_metadata.json").read_text() == "{}"


@pytest.mark.parametrize("release", [release for release in RELEASES if release >= "2.15"])
def test_an_output_may_lie_where_the_step_says(tmp_path: Path, release: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "x").write_text("7")
    read = "import sys; assert open(sys.argv[1] + '/x').read() == '7'"
    reader = step(read, "{{$.inputs.artifacts['given'].path}}", artifacts={"given": "before.made"})
    writer = step(SAY, "{{$}}", made(customPath=str(own)), "/dev/null", outputs={"made": FOLDER})
    result = run({"before": writer, "bad": reader}, tmp_path, release)
    assert result.failure is None, result.failure.log.read_text()
