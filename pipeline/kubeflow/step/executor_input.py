"""What Kubeflow's launcher tells a step, and what TFX must be told instead.

The launcher puts an ExecutorInput (kfp.pipeline_spec) in the place of ``{{$}}``. As it is made in backend/src/v2 of
kubeflow/pipelines (driver/driver.go `provisionOutputs`):

- an input has been through ML Metadata (`ml_metadata`): its type is ``{"instanceSchema": ""}``, or is missing where it
  is an input of the whole pipeline;
- an output's type and metadata are those of the component's definition; it has no name, or since 2.15 the output's;
- only the folders *around* the outputs are there, and an input that was left empty is not there at all: an object store
  has no empty folders;
- where logs are published, there is an output ``executor-logs`` that the component knows nothing of.

TFX reads the type from the input itself, opens no ``minio://``, and cannot tell artifacts without names apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import parse_yaml
from pipeline.kubeflow.step import ml_metadata
from pipeline.kubeflow.step.mounts import local_path, stores_are_folders

_LOGS: Final = "executor-logs"


class _Foreign(BaseModel):
    # Kubeflow's to define: other versions of it say more, which TFX has no use for.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Artifact(_Foreign):
    """kfp.pipeline_spec.RuntimeArtifact."""

    uri: str
    name: str = ""
    type: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


class ArtifactList(_Foreign):
    """kfp.pipeline_spec.ArtifactList."""

    artifacts: list[Artifact] = []


class Inputs(_Foreign):
    """kfp.pipeline_spec.ExecutorInput.Inputs."""

    parameter_values: dict[str, Any] = Field({}, alias="parameterValues")
    artifacts: dict[str, ArtifactList] = {}


class Outputs(_Foreign):
    """kfp.pipeline_spec.ExecutorInput.Outputs."""

    output_file: str = Field(alias="outputFile")
    artifacts: dict[str, ArtifactList] = {}


class ExecutorInput(_Foreign):
    """kfp.pipeline_spec.ExecutorInput."""

    inputs: Inputs = Inputs()
    outputs: Outputs

    def to_json(self) -> str:
        """As the launcher writes it."""
        return self.model_dump_json(by_alias=True)


class ArtifactDefinition(_Foreign):
    """kfp.pipeline_spec.ComponentInputsSpec.ArtifactSpec."""

    artifact_type: dict[str, Any] = Field({}, alias="artifactType")


class InputDefinitions(_Foreign):
    """kfp.pipeline_spec.ComponentInputsSpec: what the component that is run takes."""

    artifacts: dict[str, ArtifactDefinition] = {}


Message = TypeVar("Message", ExecutorInput, InputDefinitions)


def parse(message: type[Message], text: str, source: str) -> Message:
    """Read a message.

    Raises:
        TinyopsError: it is not JSON, or something that the step needs is missing from it.
    """
    try:
        return message.model_validate_json(text)
    except ValidationError as error:
        found = describe_validation_error(error, source)
        raise TinyopsError(
            found.message, remedy="let Kubeflow's launcher or `tinyops replay` run the step: they fill in {{$}}"
        ) from error


def for_tfx(given: ExecutorInput, definitions: InputDefinitions, class_paths: Mapping[str, str]) -> ExecutorInput:
    """What TFX must be told: each artifact with its type, a name, a path on this machine, and the metadata it had.

    Args:
        given: what the launcher said.
        definitions: what the component takes, and of a component of the catalogue what it makes; gives artifacts their
            types back.
        class_paths: import path of the class of each artifact type that TFX does not know, by title.

    Raises:
        TinyopsError: nobody says of what type an artifact is.
    """

    def described(key: str, artifact: Artifact) -> Artifact:
        declared = definitions.artifacts.get(key, ArtifactDefinition()).artifact_type
        # The declared one first: in a pipeline that kfp compiled, Kubeflow says no more than that it is a Dataset.
        title = type_title(declared) or type_title(artifact.type)
        if not title:
            raise TinyopsError(
                f"artifact {key!r} has no type: neither the launcher nor the component's definition gives one",
                remedy="compile the pipeline again with `tinyops compile`",
            )
        written = ml_metadata.as_written(artifact.metadata)
        return Artifact(
            uri=local_path(artifact.uri),
            name=ml_metadata.identity(artifact.name, artifact.uri),
            type={"schemaTitle": class_paths.get(title, title)},
            metadata={name: _reachable(value) for name, value in written.items()},
        )

    parameters = given.inputs.parameter_values
    if stores_are_folders():
        parameters = {name: _reachable(value) for name, value in parameters.items()}
    outputs = {key: listed for key, listed in given.outputs.artifacts.items() if key != _LOGS}
    return ExecutorInput(
        inputs=Inputs(parameter_values=parameters, artifacts=_each(given.inputs.artifacts, described)),
        outputs=Outputs(output_file=given.outputs.output_file, artifacts=_each(outputs, described)),
    )


def make_folders(adapted: ExecutorInput) -> None:
    """Make the folders that TFX's executors take for granted.

    Args:
        adapted: made by `for_tfx`.
    """
    for listed in (*adapted.inputs.artifacts.values(), *adapted.outputs.artifacts.values()):
        for artifact in listed.artifacts:
            path = Path(artifact.uri)
            # An input may be a file.
            if not path.exists():
                path.mkdir(parents=True)


def type_title(kind: Mapping[str, Any]) -> str:
    """Title of a type, e.g. ``tfx.Examples`` or ``system.HTML``; empty if it has none.

    Raises:
        TinyopsError: its schema is not YAML.
    """
    if title := kind.get("schemaTitle"):
        return str(title)
    schemas = parse_yaml(kind.get("instanceSchema", ""), "an artifact's instanceSchema", remedy="compile it again")
    return str(schemas[0].get("title", "")) if schemas and isinstance(schemas[0], dict) else ""


def _each(
    artifacts: Mapping[str, ArtifactList], change: Callable[[str, Artifact], Artifact]
) -> dict[str, ArtifactList]:
    return {
        key: ArtifactList(artifacts=[change(key, artifact) for artifact in listed.artifacts])
        for key, listed in artifacts.items()
    }


def _reachable(value: Any) -> Any:
    return local_path(value) if isinstance(value, str) else value
