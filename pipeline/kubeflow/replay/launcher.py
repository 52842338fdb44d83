"""What Kubeflow Pipelines' launcher does around a step, in its container: fill in its command, take what it leaves.

A transcript of backend/src/v2/component of kubeflow/pipelines in so far as a step notices: launcher_v2.go
(`getPlaceholders`, `collectOutputParameters`, `uploadOutputArtifacts`) and importer_launcher.go. Nothing is run here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.replay import value_text
from pipeline.kubeflow.replay.driver import LOGS_ARTIFACT, Invocation, Json, Run, parameters
from pipeline.kubeflow.replay.executor_output import Artifact, ExecutorOutput
from pipeline.kubeflow.step import ml_metadata
from pipeline.kubeflow.step.mounts import local_path

_PLACEHOLDER = re.compile(r"\{\{\$.*?\}\}")


def filled_in(words: Iterable[str], given: Json, stores: Path) -> list[str]:
    """A command with its placeholders filled in.

    Args:
        words: command and arguments of the container.
        given: kfp.pipeline_spec.ExecutorInput.
        stores: as in `Run`.
    """
    known = {"{{$}}": value_text.to_json(given)}
    for side in ("inputs", "outputs"):
        for name, listed in given[side].get("artifacts", {}).items():
            for artifact in listed["artifacts"][:1]:
                known[f"{{{{$.{side}.artifacts['{name}'].uri}}}}"] = artifact["uri"]
                known[f"{{{{$.{side}.artifacts['{name}'].path}}}}"] = local_path(artifact["uri"], stores)
    for name, value in given["inputs"].get("parameterValues", {}).items():
        known[f"{{{{$.inputs.parameters['{name}']}}}}"] = value_text.shown(value)
    for name, parameter in given["outputs"].get("parameters", {}).items():
        known[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter["outputFile"]
    return [_PLACEHOLDER.sub(lambda found: known.get(found[0], found[0]), word) for word in words]


def take_outputs(run: Run, task: str, told: Invocation, output: ExecutorOutput) -> None:
    """Record what a step left.

    Args:
        run: the run, to which it is added.
        task: the task.
        told: what the step was told.
        output: what it wrote.

    Raises:
        TinyopsError: the launcher would not take an output: it lies elsewhere than in this run, has a value that ML
            Metadata does not store, or is a parameter that was not written or not of its type.
    """
    given = told.executor_input["outputs"]
    definitions = run.component(task).get("outputDefinitions", {}).get("parameters", {})
    run.outputs[task] = dict(output.parameter_values) | {
        key: _output_parameter(f"{task}.{key}", definitions[key], Path(parameter["outputFile"]))
        for key, parameter in given.get("parameters", {}).items()
        if key not in output.parameter_values
    }
    run.artifacts[task] = {}
    for key, listed in given["artifacts"].items():
        (artifact,) = listed["artifacts"]
        said = output.artifact(key) if key != LOGS_ARTIFACT else Artifact()
        uri = said.uri or artifact["uri"]
        _require_own(run, task, key, uri)
        _upload(said, uri, run.stores)
        metadata = {**artifact.get("metadata", {}), **said.metadata}
        run.artifacts[task][key] = _recorded(run, key, uri, metadata)


def take_import(run: Run, task: str) -> None:
    """Record what an importer (PipelineDeploymentConfig.ImporterSpec) brings in; no container runs for it."""
    importer = run.executor(task)["importer"]
    source = importer["artifactUri"]
    uri = source.get("constant") or parameters(run, task)[source["runtimeParameter"]]
    (key,) = run.component(task)["outputDefinitions"]["artifacts"]
    run.artifacts[task] = {key: _recorded(run, key, uri, importer.get("metadata", {}))}


def keep_only_outputs(run: Run, task: str, task_root: Path) -> None:
    """Forget what a step left beside its outputs, which nobody uploads, and empty folders: no object store has any."""
    kept = [Path(local_path(artifact["uri"], run.stores)) for artifact in run.artifacts[task].values()]
    for path in sorted(task_root.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif not any(path.is_relative_to(output) for output in kept):
            path.unlink()


def _require_own(run: Run, task: str, key: str, uri: str) -> None:
    """`KeyFromURI`; what lies in no object store is recorded, and not looked at."""
    if local_path(uri) != uri and not uri.startswith(f"{run.root}/"):
        raise TinyopsError(
            f"output {key} of {task} is {uri}, which is not in this run's folder {run.root}",
            remedy="let the component write to the place that it is given",
        )


def _upload(said: Artifact, uri: str, stores: Path) -> None:
    """Store what a step left at a place of its own choice; all else it wrote into the store itself."""
    source, target = Path(said.custom_path), Path(local_path(uri, stores))
    if said.custom_path and source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif said.custom_path and source.is_file():
        shutil.copyfile(source, target)


def _recorded(run: Run, key: str, uri: str, metadata: Mapping[str, Any]) -> Json:
    number = 1 + sum(len(artifacts) for artifacts in run.artifacts.values())
    return ml_metadata.recorded(key, uri, metadata, number, _store(run))


def _store(run: Run) -> Json:
    """SessionInfo of the run's store; what else a cluster says of its own, no step reads."""
    provider = run.root.partition("://")[0]
    return {"Provider": provider, "Params": {"fromEnv": "false" if provider == "minio" else "true"}}


def _output_parameter(name: str, definition: Json, file: Path) -> Any:
    kind = definition.get("parameterType", "STRING")
    try:
        return value_text.read(file.read_text(), kind)
    except (OSError, ValueError) as error:
        raise TinyopsError(
            f"output parameter {name} was not written as {kind}: {error}",
            remedy=f"let the component write it to the file that it is given, {file}",
        ) from error
