"""The default project as it is compiled for Kubeflow, replayed to production boards behind a gateway."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.step.mounts import local_path, store_uri
from pipeline.project.config import DEFAULT_CONFIG
from tests.pipeline.kubeflow.bench import Bench, running_bench
from tests.pipeline.kubeflow.replay.whole_replays import OLDEST, TakeToBoards

# A dozen steps each.
pytestmark = pytest.mark.timeout(900)

# `tinyops replay`, but for how a step's process begins.
_PROGRAM = """
import json, sys, typer
from pipeline.cli.replay import replay
from pipeline.kubeflow.replay import step_process
command = json.loads(sys.argv.pop(1))
step_process.module_command = lambda module, **_: [*command, module]
typer.run(replay)
"""


@dataclass(frozen=True)
class Site:
    """What all replays share.

    Attributes:
        folder: has the replays' workspace.
        bench: the boards.
        loaded_step: the command that runs a module, by its name.
    """

    folder: Path
    bench: Bench
    loaded_step: Callable[[str], list[str]]

    @property
    def workspace(self) -> Path:
        return self.folder / "replay"

    def replay(self, spec: dict[str, Any], **parameters: Any) -> tuple[int, dict[str, Any]]:
        """Exit status and outcome of the command."""
        file = self.folder / "pipeline.yaml"
        file.write_text(PipelineFile(spec).to_yaml())
        known = {"inventory": self.bench.inventory, "signing_key": self.bench.signing_key, **parameters}
        given = [word for name, value in known.items() for word in ("--parameter", f"{name}={value}")]
        command = json.dumps(self.loaded_step("")[:-1])
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, command, file, "--workspace", self.workspace, "--json", *given],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout)

    def outputs(self, run: str, task: str) -> dict[str, dict[str, Any]]:
        """Each artifact that a step wrote, as it told Kubeflow."""
        written = json.loads((self.workspace / "runs" / run / task / "output_metadata.json").read_text())
        return {key: listed["artifacts"][0] for key, listed in written["artifacts"].items()}

    def path(self, artifact: dict[str, Any]) -> Path:
        return Path(local_path(artifact["uri"], self.workspace))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, loaded_step: Callable[[str], list[str]]) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "bench").mkdir()
    with running_bench(folder / "bench") as bench:
        yield Site(folder, bench, loaded_step)


@pytest.fixture(scope="module")
def promoted(site: Site, spec: dict[str, Any]) -> dict[str, Any]:
    status, outcome = site.replay(spec)
    assert status == 0, outcome
    return outcome


def test_the_compiled_project_is_replayed_to_production_boards(promoted: dict[str, Any], spec: dict[str, Any]) -> None:
    assert promoted["outcome"] == "promoted"
    assert promoted["failed_step"] is None
    assert {step["task"] for step in promoted["steps"]} == set(spec["root"]["dag"]["tasks"])
    assert Path(promoted["report"]).parts[-3:-1] == ("reports", "1")
    report = json.loads(Path(promoted["report"]).with_suffix(".json").read_text())
    boards = {board["name"]: board for board in report["deployment"]["boards"]}
    assert set(boards) == {"staging-1", "staging-2", "production-1"}
    assert {board["outcome"] for board in boards.values()} == {"confirmed"}
    assert {board["image_after"] for board in boards.values()} == {report["deployment"]["release"]["image_hash"]}
    assert not any(board["virtual"] for board in boards.values())


@pytest.mark.verify
def test_the_oldest_release_takes_it_to_virtual_boards(take_to_boards: TakeToBoards) -> None:
    take_to_boards(OLDEST)


def test_kubeflows_page_finds_the_report_itself(promoted: dict[str, Any], site: Site) -> None:
    outputs = site.outputs("run-1", "TFLMPusher")
    page = site.path(outputs["html_report"])
    assert page.read_bytes() == Path(promoted["report"]).read_bytes()
    assert site.path(outputs["markdown_report"]).read_text().startswith("# ")


@pytest.mark.usefixtures("promoted")
def test_no_path_of_this_machine_goes_to_kubeflow(site: Site, spec: dict[str, Any]) -> None:
    for task in spec["root"]["dag"]["tasks"]:
        for artifact in site.outputs("run-1", task).values():
            assert artifact["uri"].startswith("minio://mlpipeline/artifacts/tinyops/digits/run-1/")
            assert str(site.workspace) not in json.dumps(artifact)


def reusing(site: Site, spec: dict[str, Any], *tasks: str, instead: dict[str, str]) -> dict[str, Any]:
    """These tasks of the pipeline; what they need of the others, importers bring in from the first run.

    Args:
        site: where the first run was.
        spec: the pipeline.
        tasks: to run again.
        instead: for an output, ``task.key``, the URI of another.
    """
    spec = copy.deepcopy(spec)
    dag = spec["root"]["dag"]
    dag["tasks"] = {name: dag["tasks"][name] for name in tasks}
    for task in list(dag["tasks"].values()):
        task["dependentTasks"] = [name for name in task["dependentTasks"] if name in tasks]
        for source in task["inputs"].get("artifacts", {}).values():
            producer, key = (source["taskOutputArtifact"][name] for name in ("producerTask", "outputArtifactKey"))
            if producer not in tasks:
                name = f"{producer}-{key}".replace("_", "-")
                source["taskOutputArtifact"] = {"producerTask": name, "outputArtifactKey": key}
                artifact = site.outputs("run-1", producer)[key]
                definition = spec["components"][producer]["outputDefinitions"]["artifacts"][key]
                uri = {"constant": instead.get(f"{producer}.{key}", artifact["uri"])}
                dag["tasks"][name] = {"componentRef": {"name": name}}
                spec["components"][name] = {
                    "executorLabel": name,
                    "outputDefinitions": {"artifacts": {key: definition}},
                }
                importer = {
                    "artifactUri": uri,
                    "typeSchema": definition["artifactType"],
                    "metadata": artifact["metadata"],
                }
                spec["deploymentSpec"]["executors"][name] = {"importer": importer}
    used = {task["componentRef"]["name"] for task in dag["tasks"].values()}
    spec["components"] = {name: spec["components"][name] for name in used}
    labels = {component["executorLabel"] for component in spec["components"].values()}
    executors = spec["deploymentSpec"]["executors"]
    spec["deploymentSpec"]["executors"] = {label: executors[label] for label in labels}
    return spec


def another_model(site: Site) -> str:
    """URI of the first run's model with a byte more, which no reader sees: another model that does the same."""
    model = site.path(site.outputs("run-1", "TFLiteConverter")["int8_model"])
    other = shutil.copytree(model, model.with_name("another"))
    with (other / "Format-Serving" / "tflite").open("ab") as file:
        file.write(b"\0")
    return store_uri(str(other), site.workspace)


def test_a_refused_model_ends_as_failed_and_leaves_its_report(promoted: dict[str, Any], site: Site) -> None:
    config = yaml.safe_load(DEFAULT_CONFIG.read_text())
    config["evaluate"]["min_accuracy"] = 0.9999
    project = shutil.copytree(DEFAULT_CONFIG.parent, site.folder / "project")
    (project / "tinyops.yaml").write_text(yaml.safe_dump(config))
    spec = compile_project(project / "tinyops.yaml").spec
    tasks = ("LatestBlessedModel", "TFLMEvaluator", "TFLMPusher", "PromotionGate")
    again = reusing(site, spec, *tasks, instead={"TFLiteConverter.int8_model": another_model(site)})

    status, outcome = site.replay(again)

    assert status == 3
    assert [step["task"] for step in outcome["steps"]] == list(tasks)
    assert (outcome["outcome"], outcome["failed_step"], outcome["run"]) == ("refused", "PromotionGate", "run-2")
    assert "is below 0.9999" in outcome["reason"]
    assert outcome["message"] == f"not promoted: {outcome['reason']}; read the report that TFLMPusher left in this run"
    assert Path(outcome["report"]).is_file()
    assert outcome["report"] != promoted["report"]
    # Run 1 is what there was to be compared with.
    baseline = site.path(site.outputs("run-2", "LatestBlessedModel")["baseline_model"]) / "Format-Serving" / "tflite"
    first = site.path(site.outputs("run-1", "TFLiteConverter")["int8_model"]) / "Format-Serving" / "tflite"
    assert baseline.read_bytes() == first.read_bytes()


def test_a_step_that_fails_ends_the_replay_with_its_name_and_its_reason(site: Site, spec: dict[str, Any]) -> None:
    status, outcome = site.replay(spec, data_file=site.folder / "absent.npz")
    assert status == 1
    assert (outcome["outcome"], outcome["failed_step"]) == ("failed", "SensorExampleGen")
    assert "absent.npz" in outcome["message"]
    assert "Traceback" not in Path(outcome["log"]).read_text()
    assert [step["task"] for step in outcome["steps"]] == ["SensorExampleGen"]
