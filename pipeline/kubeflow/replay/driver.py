"""What Kubeflow Pipelines' driver does before a step: where its inputs come from, and where its outputs are to go.

A transcript of backend/src/v2 of kubeflow/pipelines in so far as a step notices: driver/resolve.go (`resolveInputs`),
driver/driver.go (`provisionOutputs`), driver/util.go (`resolveContainerArgs`), and component/launcher_v2.go
(`addDefaultParams`), which adds to the same. `BackEnd` has what differs between releases. Nothing is run here.
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
from pipeline.kubeflow.replay.back_ends import BackEnd
from pipeline.kubeflow.replay.value_text import parse_json, shown, shown_by_driver, to_json
from pipeline.kubeflow.step.mounts import local_path

LOGS_ARTIFACT: Final = "executor-logs"
OUTPUT_FILE: Final = "output_metadata.json"

# Its number in ML Metadata; a run of its own is the only one there.
_ROOT_DAG_EXECUTION: Final = "1"

_PARAMETER = re.compile(r"\{\{\$\.inputs\.parameters\['(.+?)']}}")
_IF_PRESENT: Final = '{"IfPresent":'

Json = dict[str, Any]


@dataclass
class Run:
    """One run of a pipeline, and what its tasks have left so far."""

    spec: Json  # Kfp.pipeline_spec.PipelineSpec.
    run_id: str  # Kubeflow's name of the run.
    parameters: Json  # Value of each parameter of the pipeline.
    stores: Path  # Folder that stands for ``/`` in the paths of the launcher's copies.
    back_end: BackEnd  # What drives and launches the steps.
    created: str = ""  # When the run was made, as Kubernetes writes it (RFC 3339, UTC).
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


@dataclass(frozen=True)
class Invocation:
    """What a step is told."""

    executor_input: Json  # kfp.pipeline_spec.ExecutorInput.
    task_root: str  # URI of the folder for all its outputs.
    words: tuple[str, ...]  # Command and arguments; placeholders that the launcher fills in are still there.

    def to_json(self) -> str:
        """The executor input, for people to read."""
        return json.dumps(json.loads(to_json(self.executor_input)), indent=2)


def invocation(run: Run, task: str, folder: Path) -> Invocation:
    """What the driver makes of a task.

    Args:
        run: the run.
        task: name of the task; all that it depends on is done.
        folder: where the step is to write what does not go to the task's root; in a pod, folders under ``/tmp``.

    Raises:
        TinyopsError: the driver would not start the step: a parameter has no value, or not of its type, or a word of
            its command has a placeholder that the driver cannot fill in.
    """
    given = _given(run, task)
    task_root = f"{run.root}/{task}/{uuid4()}"
    executor_input = {
        "inputs": _filled(artifacts=_artifacts(run, task), parameterValues=_defaults(run, task) | given),
        "outputs": _outputs(run, task, task_root, folder),
    }
    return Invocation(executor_input, task_root, _words(run, task, given))


def _outputs(run: Run, task: str, task_root: str, folder: Path) -> Json:
    definitions = run.component(task).get("outputDefinitions", {})
    # With logs published, as is the default.
    logs = {LOGS_ARTIFACT: {"artifactType": {"schemaTitle": "system.Artifact"}}}
    artifacts = {**definitions.get("artifacts", {}), **logs}
    in_root = run.back_end.output_file_in_task_root
    return {
        **_filled(
            parameters={key: {"outputFile": str(folder / key)} for key in definitions.get("parameters", {})},
            artifacts={key: {"artifacts": [_provisioned(run, task_root, key, artifacts[key])]} for key in artifacts},
        ),
        "outputFile": local_path(f"{task_root}/{OUTPUT_FILE}", run.stores) if in_root else str(folder / OUTPUT_FILE),
    }


def _provisioned(run: Run, task_root: str, key: str, definition: Json) -> Json:
    # The number of the first try; the launcher writes it.
    suffix = "-0" if key == LOGS_ARTIFACT and run.back_end.numbered_logs else ""
    return {
        **({"name": key} if run.back_end.output_names else {}),
        "type": definition["artifactType"],
        "uri": f"{task_root}/{key}{suffix}",
        **_filled(metadata=definition.get("metadata", {})),
    }


def _filled(**fields: Json) -> Json:
    """Fields of a message that are not empty: protojson writes no others."""
    return {name: contents for name, contents in fields.items() if contents}


def parameters(run: Run, task: str) -> Json:
    """Value of each parameter of a task.

    Raises:
        TinyopsError: one has no value, or not of its type.
    """
    return _defaults(run, task) | _given(run, task)


def _given(run: Run, task: str) -> Json:
    """Values that the task itself gives, each in its declared type; `resolveInputs`."""
    sources = run.task(task).get("inputs", {}).get("parameters", {})
    values = {name: _value(run, task, name, source) for name, source in sources.items()}
    values = {name: value for name, value in values.items() if value is not None}
    for name, definition in _declared(run, task).items():
        if name in values:
            values[name] = _as_declared(run, f"{task}.{name}", values[name], definition)
        elif "defaultValue" not in definition and not definition.get("isOptional"):
            raise TinyopsError(f"parameter {name} of {task} has no value", remedy="look with `tinyops verify`")
    return values


def _defaults(run: Run, task: str) -> Json:
    """`addDefaultParams`."""
    declared = _declared(run, task)
    return {name: definition["defaultValue"] for name, definition in declared.items() if "defaultValue" in definition}


def _declared(run: Run, task: str) -> Json:
    return dict(run.component(task).get("inputDefinitions", {}).get("parameters", {}))


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
        "{{$.pipeline_task_uuid}}": _ROOT_DAG_EXECUTION,
    }
    if run.back_end.creation_time:
        known["{{$.pipeline_job_create_time_utc}}"] = run.created
        # Of a run that nobody scheduled.
        known["{{$.pipeline_job_schedule_time_utc}}"] = run.created
    return known.get(constant, constant) if isinstance(constant, str) else constant


# kfp.pipeline_spec.ParameterType.ParameterTypeEnum.
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
}


def _as_declared(run: Run, name: str, value: Any, definition: Json) -> Any:
    """Anything may be text; all else must be what it is."""
    literals = definition.get("literals", [])
    if run.back_end.literals and literals and value not in literals:
        raise TinyopsError(
            f"parameter {name} is {value!r}, and may be {', '.join(map(repr, literals))}", remedy="give one of these"
        )
    kind = definition.get("parameterType", "STRING")
    if kind == "STRING":
        return shown(value)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "BOOLEAN"):
        raise TinyopsError(f"parameter {name} is {value!r}, not {kind}", remedy="look with `tinyops verify`")
    return value


def _artifacts(run: Run, task: str) -> Json:
    given = run.task(task).get("inputs", {}).get("artifacts", {})
    wanted = {name: source["taskOutputArtifact"] for name, source in given.items()}
    return {
        name: {"artifacts": [run.artifacts[source["producerTask"]][source["outputArtifactKey"]]]}
        for name, source in wanted.items()
    }


def _words(run: Run, task: str, given: Json) -> tuple[str, ...]:
    container = run.executor(task)["container"]
    words = (*container.get("command", ()), *container.get("args", ()))
    if not run.back_end.driver_fills_in:
        return words
    return tuple(part for word in words for part in _resolved(word, task, given))


def _resolved(word: str, task: str, given: Mapping[str, Any]) -> list[str]:
    """A word as the driver leaves it; one with an output's place in it is the launcher's."""
    if "$.outputs" in word:
        return [word]
    if not word.strip().startswith(_IF_PRESENT):
        return [_with_parameters(word, task, given)]
    try:
        condition = parse_json(word)["IfPresent"]
        chosen = condition.get("Then" if condition["InputName"] in given else "Else") or []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TinyopsError(
            f"a word of the command of {task} is no condition of kfp's: {word}", remedy="compile the pipeline again"
        ) from error
    return [_with_parameters(part, task, given) for part in ([chosen] if isinstance(chosen, str) else chosen)]


def _with_parameters(word: str, task: str, given: Mapping[str, Any]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in given:
            raise TinyopsError(
                f"the command of {task} has the parameter {found[1]}, which the task does not give; the driver of "
                "Kubeflow Pipelines 2.17 does not know its default",
                remedy=f"give {found[1]} where the task is made",
            )
        return shown_by_driver(given[found[1]])

    return _PARAMETER.sub(value, word)
