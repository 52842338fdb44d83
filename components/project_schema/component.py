"""ProjectSchema: what SchemaGen and ImportSchemaGen do, whichever the project wants."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.project_schema import executor


class ProjectSchemaSpec(ComponentSpec):
    """Interface of ProjectSchema."""

    PARAMETERS = {"schema_text": ExecutionParameter(type=str, optional=True)}
    INPUTS = {"statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics)}
    OUTPUTS = {"schema": ChannelParameter(type=standard_artifacts.Schema)}


class ProjectSchema(base_component.BaseComponent):
    """The schema of the data: the project's, where it keeps one, else one that all splits fit.

    The schema itself is the parameter, not the path of a file: a step on Kubeflow needs no file, and the cache sees an
    edit.

    Outputs:
        schema: `standard_artifacts.Schema`.
    """

    SPEC_CLASS = ProjectSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, statistics: BaseChannel[Any], *, schema_text: str | None = None) -> None:
        """Describe the schema.

        Args:
            statistics: of all splits, made with the options of `components.data_gate.statistics.statistics_options`.
            schema_text: a `tensorflow_metadata.v0.Schema` in protobuf's text format; None to infer one.
        """
        super().__init__(
            ProjectSchemaSpec(
                statistics=statistics, schema_text=schema_text, schema=Channel(type=standard_artifacts.Schema)
            )
        )
