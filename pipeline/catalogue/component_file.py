"""A component as the file that `kfp.components.load_component_from_file` takes: a PipelineSpec (schema 2.1) as YAML."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from google.protobuf import json_format
from kfp.compiler import pipeline_spec_builder
from kfp.dsl import structures
from kfp.dsl.types.type_utils import IR_TYPE_TO_IN_MEMORY_SPEC_TYPE, create_bundled_artifact_type

from pipeline.catalogue.interface import NOT_CACHEABLE, Artifact, Interface, Parameter
from pipeline.kubeflow.compilation.compiler import ENTRYPOINT
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.project.beam_options import beam_args
from pipeline.project.beam_section import BeamSection

# Between a small letter and a capital, and before the last of several capitals: TFLM-Evaluator.
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def to_yaml(component: Interface, image: str) -> str:
    """The file; the same component and image give the same text."""
    described = structures.ComponentSpec(
        name=_WORDS.sub("-", component.name).lower(),
        inputs={
            **{artifact.name: _input(artifact) for artifact in component.inputs},
            **{parameter.name: _input_parameter(parameter) for parameter in component.parameters},
        },
        outputs={artifact.name: _output(artifact) for artifact in component.outputs},
        implementation=structures.Implementation(container=_container(component, image)),
    )
    spec = json_format.MessageToDict(described.to_pipeline_spec())
    description = list(component.description)
    if not component.cacheable:
        description.append(NOT_CACHEABLE)
        # For a run of this file alone; a pipeline that has the component says it itself.
        spec["root"]["dag"]["tasks"][described.name]["cachingOptions"] = {}
    # kfp reads the description of a component out of these comments, and nowhere else.
    comments = pipeline_spec_builder.extract_comments_from_pipeline_spec(spec, "\n".join(description))
    return f"{comments}{PipelineFile(spec).to_yaml()}"


def _input(artifact: Artifact) -> structures.InputSpec:
    return structures.InputSpec(
        type=create_bundled_artifact_type(artifact.kubeflow_type),
        optional=artifact.optional,
        description=artifact.description,
    )


def _input_parameter(parameter: Parameter) -> structures.InputSpec:
    return structures.InputSpec(
        type=IR_TYPE_TO_IN_MEMORY_SPEC_TYPE[parameter.type],
        optional=parameter.optional,
        default=parameter.default,
        description=parameter.description,
    )


def _output(artifact: Artifact) -> structures.OutputSpec:
    return structures.OutputSpec(
        type=create_bundled_artifact_type(artifact.kubeflow_type), description=artifact.description
    )


def _container(component: Interface, image: str) -> structures.ContainerSpecImplementation:
    """The arguments are those that TFX's compiler writes (tfx.orchestration.kubeflow.v2.step_builder)."""
    return structures.ContainerSpecImplementation(
        image=image,
        command=list(ENTRYPOINT),
        args=[
            *("--executor_class_path", component.executor),
            *("--json_serialized_invocation_args", "{{$}}"),
            *("--json_serialized_inputs_spec_args", json.dumps(_definitions(component), sort_keys=True)),
            *(beam_args(BeamSection()) if component.on_beam else ()),
        ],
    )


def _definitions(component: Interface) -> dict[str, Any]:
    """What the entrypoint must know of types: kfp.pipeline_spec.ComponentInputsSpec, with the outputs among the inputs.

    TFX's compiler writes the inputs alone, since Kubeflow then says the types of the outputs.
    """
    artifacts = (*component.inputs, *component.outputs)
    return {
        "artifacts": {artifact.name: {"artifactType": {"schemaTitle": artifact.type}} for artifact in artifacts},
        "parameters": {parameter.name: {"parameterType": parameter.type} for parameter in component.parameters},
    }
