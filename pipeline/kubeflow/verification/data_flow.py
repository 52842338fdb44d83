"""Does every input of every task come from somewhere, and does its type fit?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.struct_pb2 import Value

from pipeline.kubeflow.verification.artifact_types import GENERIC, title_of
from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import Dag, ParsedPipeline

if TYPE_CHECKING:
    from kfp.pipeline_spec import pipeline_spec_pb2 as pb

_UNKNOWN = ""
_DOUBLE, _INTEGER = "NUMBER_DOUBLE", "NUMBER_INTEGER"
_KINDS = {
    _DOUBLE: "number_value",
    _INTEGER: "number_value",
    "STRING": "string_value",
    "BOOLEAN": "bool_value",
    "LIST": "list_value",
    "STRUCT": "struct_value",
}
_ALIKE = {(_INTEGER, _DOUBLE), ("TASK_FINAL_STATUS", "STRUCT")}
"""Types of which the one is a value of the other (backend/src/v2/driver/resolve.go, resolveInputs)."""

_PLACEHOLDER = "{{$."
"""What begins so in a constant is replaced while the pipeline runs; its type shows only then."""

_CHANNEL = "pipelinechannel--"
"""kfp gives a task what its constants, image or limits refer to, although its component does not take it: under such a
name, and as a constant that is a placeholder itself."""


class _Dangling(Exception):
    """A source that is not there; its text says which."""


def check_data_flow(pipeline: ParsedPipeline) -> Check:
    """Producers and their outputs, inputs of the pipeline, required inputs, types, defaults."""
    findings = [
        *(finding for dag in pipeline.dags() for finding in _dag(dag, pipeline)),
        *(finding for place, component in pipeline.components() for finding in _defaults(place, component)),
    ]
    return Check("data flow", tuple(findings), remedy="compile the pipeline again, or connect the inputs named above")


def parameters_without_default(pipeline: ParsedPipeline) -> list[str]:
    """Parameters that whoever starts a run has to give."""
    parameters = pipeline.spec.root.input_definitions.parameters
    return sorted(name for name, parameter in parameters.items() if _is_required(parameter))


def _dag(dag: Dag, pipeline: ParsedPipeline) -> Iterator[Finding]:
    components = pipeline.spec.components
    for _, place, task in dag.tasks():
        if task.component_ref.name in components:
            wanted = components[task.component_ref.name].input_definitions
            yield from _missing(task, wanted, f"{place}.inputs")
            yield from _artifacts(task, wanted.artifacts, dag, components, f"{place}.inputs.artifacts")
            yield from _parameters(task, wanted.parameters, dag, components, f"{place}.inputs.parameters")
    yield from _outputs(dag, components)


def _missing(task: pb.PipelineTaskSpec, wanted: pb.ComponentInputsSpec, place: str) -> Iterator[Finding]:
    items = {task.parameter_iterator.item_input, task.artifact_iterator.item_input}
    why = f"{task.component_ref.name} needs it, and the task does not give it"
    for name, artifact in sorted(wanted.artifacts.items()):
        if not artifact.is_optional and name not in {*task.inputs.artifacts, *items}:
            yield Finding(f"{place}.artifacts.{name}", why)
    for name, parameter in sorted(wanted.parameters.items()):
        if _is_required(parameter) and name not in {*task.inputs.parameters, *items}:
            yield Finding(f"{place}.parameters.{name}", why)


def _artifacts(
    task: pb.PipelineTaskSpec, wanted: Mapping[str, Any], dag: Dag, components: Mapping[str, Any], place: str
) -> Iterator[Finding]:
    for name, given in sorted(task.inputs.artifacts.items()):
        here = f"{place}.{name}"
        if name not in wanted:
            yield Finding(here, f"{task.component_ref.name} has no such input")
            continue
        try:
            source = _artifact_source(given, dag, components)
        except _Dangling as error:
            yield Finding(here, str(error))
            continue
        has, takes = title_of(source.artifact_type), title_of(wanted[name].artifact_type)
        if has != takes and not GENERIC & {has, takes}:
            yield Finding(here, f"is a {has}, and {task.component_ref.name} takes a {takes}")


def _artifact_source(given: Any, dag: Dag, components: Mapping[str, Any]) -> Any:
    if given.WhichOneof("kind") == "component_input_artifact":
        return _defined(given.component_input_artifact, dag.component.input_definitions.artifacts, dag)
    source = given.task_output_artifact
    return _produced(source.producer_task, source.output_artifact_key, dag, components, lambda out: out.artifacts)


def _parameters(
    task: pb.PipelineTaskSpec, wanted: Mapping[str, Any], dag: Dag, components: Mapping[str, Any], place: str
) -> Iterator[Finding]:
    for name, given in sorted(task.inputs.parameters.items()):
        here = f"{place}.{name}"
        try:
            has = _parameter_type(given, dag, components)
        except _Dangling as error:
            yield Finding(here, str(error))
            continue
        if name not in wanted:
            if not (name.startswith(_CHANNEL) or _is_placeholder(given.runtime_value.constant)):
                yield Finding(here, f"{task.component_ref.name} has no such input")
            continue
        takes = _type_of(wanted[name])
        if given.WhichOneof("kind") == "runtime_value":
            yield from _constant(given.runtime_value.constant, takes, f"{here}.runtimeValue.constant")
        elif has and not given.parameter_expression_selector and not _fits(has, takes):
            yield Finding(here, f"is a {has}, and {task.component_ref.name} takes a {takes}")


def _parameter_type(given: Any, dag: Dag, components: Mapping[str, Any]) -> str:
    """Type of what is given; empty where there is none to compare with.

    Raises:
        _Dangling: where it comes from is not there.
    """
    kind = given.WhichOneof("kind")
    if kind == "component_input_parameter":
        return _type_of(_defined(given.component_input_parameter, dag.component.input_definitions.parameters, dag))
    if kind == "task_output_parameter":
        source = given.task_output_parameter
        key = source.output_parameter_key
        return _type_of(_produced(source.producer_task, key, dag, components, lambda out: out.parameters))
    if kind == "task_final_status" and given.task_final_status.producer_task not in dag.component.dag.tasks:
        raise _Dangling(f"there is no task {given.task_final_status.producer_task!r}")
    if kind is None:
        raise _Dangling("has no value and no source")
    return _UNKNOWN


def _defined(name: str, definitions: Mapping[str, Any], dag: Dag) -> Any:
    if name not in definitions:
        raise _Dangling(f"there is no {name!r} in {dag.place}.inputDefinitions")
    return definitions[name]


def _produced(
    producer: str,
    key: str,
    dag: Dag,
    components: Mapping[str, Any],
    definitions: Callable[[Any], Mapping[str, Any]],
) -> Any:
    """The definition of what a task puts out.

    Raises:
        _Dangling: there is no such task, or it puts out nothing of this name.
    """
    if producer not in dag.component.dag.tasks:
        raise _Dangling(f"there is no task {producer!r}")
    component = dag.component.dag.tasks[producer].component_ref.name
    if component not in components:
        raise _Dangling(f"task {producer!r} has no component")
    outputs = definitions(components[component].output_definitions)
    if key not in outputs:
        raise _Dangling(f"task {producer!r} has no output {key!r}")
    return outputs[key]


def _outputs(dag: Dag, components: Mapping[str, Any]) -> Iterator[Finding]:
    outputs, defined = dag.component.dag.outputs, dag.component.output_definitions
    for name, artifact in sorted(outputs.artifacts.items()):
        here = f"{dag.place}.dag.outputs.artifacts.{name}"
        if name not in defined.artifacts:
            yield Finding(here, f"is not in {dag.place}.outputDefinitions")
        for source in artifact.artifact_selectors:
            yield from _output(source.producer_subtask, source.output_artifact_key, "artifacts", dag, components, here)
    for name, parameter in sorted(outputs.parameters.items()):
        here = f"{dag.place}.dag.outputs.parameters.{name}"
        if name not in defined.parameters:
            yield Finding(here, f"is not in {dag.place}.outputDefinitions")
        one = [parameter.value_from_parameter] if parameter.HasField("value_from_parameter") else []
        for source in (*one, *parameter.value_from_oneof.parameter_selectors):
            key = source.output_parameter_key
            yield from _output(source.producer_subtask, key, "parameters", dag, components, here)


def _output(
    producer: str, key: str, kind: str, dag: Dag, components: Mapping[str, Any], place: str
) -> Iterator[Finding]:
    try:
        _produced(producer, key, dag, components, lambda out: getattr(out, kind))
    except _Dangling as error:
        yield Finding(place, str(error))


def _defaults(place: str, component: pb.ComponentSpec) -> Iterator[Finding]:
    for name, parameter in sorted(component.input_definitions.parameters.items()):
        if parameter.HasField("default_value"):
            here = f"{place}.inputDefinitions.parameters.{name}.defaultValue"
            yield from _constant(parameter.default_value, _type_of(parameter), here)


def _constant(value: Value, takes: str, place: str) -> Iterator[Finding]:
    kind = value.WhichOneof("kind")
    if kind in (None, "null_value") or takes not in _KINDS or _is_placeholder(value):
        return
    if kind != _KINDS[takes]:
        yield Finding(place, f"is a {kind.removesuffix('_value')}, and the parameter takes a {takes}")
    elif takes == _INTEGER and not value.number_value.is_integer():
        yield Finding(place, f"is {value.number_value:g}, and the parameter takes a {takes}")


def _is_placeholder(value: Value) -> bool:
    return bool(value.string_value.startswith(_PLACEHOLDER))


def _is_required(parameter: Any) -> bool:
    return not parameter.is_optional and not parameter.HasField("default_value")


def _fits(has: str, takes: str) -> bool:
    return has == takes or not takes or (has, takes) in _ALIKE


def _type_of(parameter: Any) -> str:
    """Name of a parameter's type, in the messages it was read into; empty where it has none that they know."""
    number = parameter.parameter_type
    kind = parameter.DESCRIPTOR.fields_by_name["parameter_type"].enum_type.values_by_number.get(number)
    return kind.name if number and kind else _UNKNOWN
