"""What Kubeflow Pipelines 2 does around a step: the driver before it, the launcher in its container, ML Metadata.

A transcript of backend/src/v2 of kubeflow/pipelines in so far as a step notices: driver/driver.go (`resolveInputs`,
`provisionOutputs`), component/launcher_v2.go (`addDefaultParams`, `getPlaceholders`, `uploadOutputArtifacts`,
`collectOutputParameters`) and metadata/converter.go. Nothing is run here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.step.mounts import local_path

LOGS_ARTIFACT: Final = "executor-logs"

_PLACEHOLDER = re.compile(r"\{\{\$.*?\}\}")

Json = dict[str, Any]


@dataclass
class Run:
    """One run of a pipeline, and what its tasks have left so far."""

    spec: Json  # Kfp.pipeline_spec.PipelineSpec.
    run_id: str  # Kubeflow's name of the run.
    parameters: Json  # Value of each parameter of the pipeline.
    stores: Path  # Folder that stands for ``/`` in the paths of the launcher's copies.
    artifacts: dict[str, Json] = field(default_factory=dict)  # Of each task, by output, as a consumer is told of them.
    outputs: dict[str, Json] = field(default_factory=dict)  # Parameters that each task gave, by output.

    @property
    def root(self) -> str:
        """URI of the folder that has all that this run leaves."""
        root = self.spec["defaultPipelineRoot"].partition("?")[0].rstrip("/")
        return f"{root}/{self.spec['pipelineInfo']['name']}/{self.run_id}"

    def task(self, name: str) -> Json:
        """kfp.pipeline_spec.PipelineTaskSpec."""
        return dict(self.spec["root"]["dag"]["tasks"][name])

    def component(self, task: str) -> Json:
        """kfp.pipeline_spec.ComponentSpec of a task."""
        return dict(self.spec["components"][self.task(task)["componentRef"]["name"]])

    def executor(self, task: str) -> Json:
        """kfp.pipeline_spec.PipelineDeploymentConfig.ExecutorSpec of a task."""
        return dict(self.spec["deploymentSpec"]["executors"][self.component(task)["executorLabel"]])


def executor_input(run: Run, task: str, folder: Path) -> Json:
    """What the step is told: kfp.pipeline_spec.ExecutorInput.

    Args:
        run: the run.
        task: name of the task; all that it depends on is done.
        folder: where the step is to write its output file and parameters; in a pod, a folder under ``/tmp``.

    Raises:
        TinyopsError: a parameter has no value, or not of its type.
    """
    definitions = run.component(task).get("outputDefinitions", {})
    place = f"{run.root}/{task}/{uuid4()}"
    artifacts = {
        # With logs published, as is the default.
        LOGS_ARTIFACT: {"artifactType": {"schemaTitle": "system.Artifact"}},
        **definitions.get("artifacts", {}),
    }
    return {
        "inputs": {"parameterValues": _parameters(run, task), "artifacts": _artifacts(run, task)},
        "outputs": {
            "artifacts": {key: {"artifacts": [_provisioned(place, key, kind)]} for key, kind in artifacts.items()},
            "parameters": {key: {"outputFile": str(folder / key)} for key in definitions.get("parameters", {})},
            "outputFile": str(folder / "output_metadata.json"),
        },
    }


def output_folder(given: Json) -> str:
    """URI of the folder that has all outputs of a step.

    Args:
        given: what `executor_input` made.
    """
    ((logs,), *_) = (listed["artifacts"] for listed in given["outputs"]["artifacts"].values())
    return str(logs["uri"]).rpartition("/")[0]


def _provisioned(place: str, key: str, definition: Json) -> Json:
    artifact = {"uri": f"{place}/{key}", "type": definition["artifactType"]}
    return {**artifact, "metadata": definition["metadata"]} if definition.get("metadata") else artifact


def _parameters(run: Run, task: str) -> Json:
    wanted = run.component(task).get("inputDefinitions", {}).get("parameters", {})
    given = run.task(task).get("inputs", {}).get("parameters", {})
    values = {name: _value(run, task, name, source) for name, source in given.items()}
    values = {name: value for name, value in values.items() if value is not None}
    for name, definition in wanted.items():
        if name in values:
            values[name] = _as_declared(f"{task}.{name}", values[name], definition.get("parameterType", "STRING"))
        elif "defaultValue" in definition:
            values[name] = definition["defaultValue"]
        elif not definition.get("isOptional"):
            raise TinyopsError(f"parameter {name} of {task} has no value", remedy="look with `tinyops verify`")
    return values


def _value(run: Run, task: str, name: str, source: Json) -> Any:
    """Value of a parameter (TaskInputsSpec.InputParameterSpec); None where an optional one has none."""
    if "componentInputParameter" in source:
        return run.parameters.get(source["componentInputParameter"])
    if "taskOutputParameter" in source:
        wanted = source["taskOutputParameter"]
        return run.outputs[wanted["producerTask"]][wanted["outputParameterKey"]]
    constant = source.get("runtimeValue", {}).get("constant")
    if constant is None:
        raise TinyopsError(
            f"parameter {name} of {task} is given in a way that is not replayed: {json.dumps(source)}",
            remedy="give it as a constant, a parameter of the pipeline, or another task's output",
        )
    known = {
        "{{$.pipeline_job_name}}": run.run_id,
        "{{$.pipeline_job_resource_name}}": run.run_id,
        "{{$.pipeline_job_uuid}}": run.run_id,
        "{{$.pipeline_task_name}}": task,
        "{{$.pipeline_task_uuid}}": task,
    }
    return known.get(constant, constant) if isinstance(constant, str) else constant


# kfp.pipeline_spec.ParameterType.ParameterTypeEnum.
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
}


def _as_declared(name: str, value: Any, kind: str) -> Any:
    """Anything may be text; all else must be what it is."""
    if kind == "STRING":
        return _text(value)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "BOOLEAN"):
        raise TinyopsError(f"parameter {name} is {value!r}, not {kind}", remedy="look with `tinyops verify`")
    return value


def _artifacts(run: Run, task: str) -> Json:
    given = run.task(task).get("inputs", {}).get("artifacts", {})
    artifacts = {}
    for name, source in given.items():
        if "taskOutputArtifact" not in source:
            raise TinyopsError(
                f"artifact {name} of {task} is given in a way that is not replayed: {json.dumps(source)}",
                remedy="give it as another task's output",
            )
        wanted = source["taskOutputArtifact"]
        artifacts[name] = {"artifacts": [run.artifacts[wanted["producerTask"]][wanted["outputArtifactKey"]]]}
    return artifacts


def filled_in(words: list[str], given: Json, stores: Path) -> list[str]:
    """A command with its placeholders filled in.

    Args:
        words: command and arguments of the container.
        given: what `executor_input` made.
        stores: as in `Run`.
    """
    known = {"{{$}}": json.dumps(given)}
    for side in ("inputs", "outputs"):
        for name, listed in given[side]["artifacts"].items():
            for artifact in listed["artifacts"][:1]:
                known[f"{{{{$.{side}.artifacts['{name}'].uri}}}}"] = artifact["uri"]
                known[f"{{{{$.{side}.artifacts['{name}'].path}}}}"] = local_path(artifact["uri"], stores)
    for name, value in given["inputs"]["parameterValues"].items():
        known[f"{{{{$.inputs.parameters['{name}']}}}}"] = _text(value)
    for name, parameter in given["outputs"]["parameters"].items():
        known[f"{{{{$.outputs.parameters['{name}'].output_file}}}}"] = parameter["outputFile"]
    return [_PLACEHOLDER.sub(lambda found: known.get(found[0], found[0]), word) for word in words]


def _text(value: Any) -> str:
    """A value as protobuf and Go write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def take_outputs(run: Run, task: str, given: Json, output: Json) -> None:
    """Record what a step left.

    Args:
        run: the run, to which it is added.
        task: the task.
        given: what the step was told.
        output: what it wrote: kfp.pipeline_spec.ExecutorOutput, or nothing.

    Raises:
        TinyopsError: the launcher would not take an output: it lies elsewhere than in this run, has a value that ML
            Metadata does not store, or is a parameter that was not written or not of its type.
    """
    said = output.get("artifacts", {})
    run.artifacts[task] = {}
    for key, listed in given["outputs"]["artifacts"].items():
        (artifact,) = listed["artifacts"]
        (own,) = said.get(key, {}).get("artifacts", [{}])[:1]
        uri = own.get("uri") or artifact["uri"]
        if not uri.startswith(f"{run.root}/"):
            raise TinyopsError(
                f"output {key} of {task} is {uri}, which is not in this run's folder {run.root}",
                remedy="let the component write to the place that it is given",
            )
        metadata = {**artifact.get("metadata", {}), **own.get("metadata", {})}
        run.artifacts[task][key] = recorded(key, uri, metadata, _next_number(run))
    definitions = run.component(task).get("outputDefinitions", {}).get("parameters", {})
    run.outputs[task] = {
        key: _output_parameter(f"{task}.{key}", definition, given, output, key)
        for key, definition in definitions.items()
    }


def take_import(run: Run, task: str) -> None:
    """Record what an importer (PipelineDeploymentConfig.ImporterSpec) brings in; no container runs for it."""
    importer = run.executor(task)["importer"]
    source = importer["artifactUri"]
    uri = source.get("constant") or _parameters(run, task)[source["runtimeParameter"]]
    (key,) = run.component(task)["outputDefinitions"]["artifacts"]
    run.artifacts[task] = {key: recorded(key, uri, importer.get("metadata", {}), _next_number(run))}


def _next_number(run: Run) -> int:
    return 1 + sum(len(artifacts) for artifacts in run.artifacts.values())


def recorded(key: str, uri: str, metadata: Mapping[str, Any], number: int) -> Json:
    """An artifact as its consumers are told of it, after ML Metadata has had it.

    Args:
        key: name of the output.
        uri: where it lies.
        metadata: what the step wrote.
        number: in ML Metadata.

    Raises:
        TinyopsError: a value is null.
    """
    return {
        "name": str(number),
        "uri": uri,
        # ML Metadata knows a type's name, and the driver does not ask for it.
        "type": {"instanceSchema": ""},
        "metadata": {
            "display_name": key,
            "store_session_info": json.dumps({"Provider": "minio", "Params": {"fromEnv": "false"}}),
            **{name: _stored(f"{key}.{name}", value) for name, value in metadata.items()},
        },
    }


def _stored(name: str, value: Any) -> Any:
    if value is None:
        raise TinyopsError(f"metadata {name} is null, which ML Metadata does not store", remedy="leave the value out")
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    return value if isinstance(value, str) else float(value)


def _output_parameter(name: str, definition: Json, given: Json, output: Json, key: str) -> Any:
    if key in output.get("parameterValues", {}):
        return output["parameterValues"][key]
    file = Path(given["outputs"]["parameters"][key]["outputFile"])
    kind = definition.get("parameterType", "STRING")
    try:
        text = file.read_text()
        return text if kind == "STRING" else _as_declared(name, json.loads(text), kind)
    except (OSError, ValueError, RecursionError) as error:
        raise TinyopsError(
            f"output parameter {name} was not written as {kind}: {error}",
            remedy=f"let the component write it to the file that it is given, {file}",
        ) from error
