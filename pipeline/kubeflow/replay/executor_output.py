"""What a step writes for the launcher, read as strictly as the launcher reads it.

It is a kfp.pipeline_spec.ExecutorOutput in JSON, which protojson reads (`getExecutorOutputFile` in
backend/src/v2/component/launcher_v2.go:1208 of kubeflow/pipelines 2.17.0): fields by either of their names, none twice,
and none that it does not know; a field that is null is not there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from edge_deployer.files import read_text
from pipeline.kubeflow.replay.back_ends import BackEnd
from pipeline.kubeflow.replay.value_text import parse_json

_REMEDY: Final = "let the component write a kfp.pipeline_spec.ExecutorOutput"


class _Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        return {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else given


class _Value(_Message):
    """kfp.pipeline_spec.Value, which values were before 2.0."""

    int_value: float | str = 0
    double_value: float | str = 0.0
    string_value: str = ""

    @model_validator(mode="after")
    def _is_one_value(self) -> _Value:
        if len(self.model_fields_set) > 1 or float(self.int_value) % 1:
            raise ValueError("one of intValue, doubleValue and stringValue is wanted, and intValue a whole number")
        return self


class _Type(_Message):
    """kfp.pipeline_spec.ArtifactTypeSchema."""

    schema_title: str = ""
    schema_uri: str = ""
    instance_schema: str = ""
    schema_version: str = ""

    @model_validator(mode="after")
    def _is_one(self) -> _Type:
        if len(self.model_fields_set - {"schema_version"}) > 1:
            raise ValueError("only one of schemaTitle, schemaUri and instanceSchema may be given")
        return self


class Artifact(_Message):
    """kfp.pipeline_spec.RuntimeArtifact."""

    name: str = ""
    type: _Type | None = None
    uri: str = ""
    properties: dict[str, _Value] = {}
    custom_properties: dict[str, _Value] = {}
    metadata: dict[str, Any] = {}
    custom_path: str = ""


class _Artifacts(_Message):
    """kfp.pipeline_spec.ArtifactList."""

    artifacts: list[Artifact] = []


class ExecutorOutput(_Message):
    """kfp.pipeline_spec.ExecutorOutput."""

    parameters: dict[str, _Value] = {}
    artifacts: dict[str, _Artifacts] = {}
    parameter_values: dict[str, Any] = {}

    def artifact(self, key: str) -> Artifact:
        """What is said of an output; the launcher looks at the first artifact of its list."""
        listed = self.artifacts.get(key, _Artifacts()).artifacts
        return listed[0] if listed else Artifact()


def read_output(path: Path, back_end: BackEnd) -> ExecutorOutput:
    """Read a step's output file; a step need not write one.

    Args:
        path: of the file.
        back_end: whose launcher reads it.

    Raises:
        TinyopsError: the launcher cannot read it, and fails the step.
    """
    if not path.exists():
        return ExecutorOutput()
    what = f"the step's output {path}"
    try:
        output = ExecutorOutput.model_validate(parse_json(read_text(path, what, remedy=_REMEDY)))
    except ValidationError as error:
        raise TinyopsError(describe_validation_error(error, what).message, remedy=_REMEDY) from error
    except ValueError as error:
        raise TinyopsError(f"{what} cannot be read: {error}", remedy=_REMEDY) from error
    if not back_end.custom_paths and any("custom_path" in one.model_fields_set for one in _each(output)):
        raise TinyopsError(f"{what}: customPath: unknown key before Kubeflow Pipelines 2.15", remedy=_REMEDY)
    return output


def _each(output: ExecutorOutput) -> list[Artifact]:
    return [artifact for listed in output.artifacts.values() for artifact in listed.artifacts]
