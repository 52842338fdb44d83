"""Fields that a back end older than the newest does not read.

Source: kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto and
kubernetes_platform/proto/kubernetes_executor_config.proto at the tags 2.14.0 to 2.17.0: what each has that the one
before has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format

from pipeline.kubeflow.verification.parsed_pipeline import KUBERNETES, ParsedPipeline, settings_place

_SETTINGS = {
    ("secretAsEnv", "optional"): "2.15",
    ("configMapAsEnv", "optional"): "2.15",
    ("pvcMount", "subPath"): "2.16",
    ("securityContext", ""): "2.16",
}
_PIPELINE = {
    "resourceTtlOnCompletion": "2.17",
    "resourceTtlOnSuccess": "2.17",
    "resourceTtlOnFailure": "2.17",
    "activeDeadlineSeconds": "2.17",
}
_COMPONENT = {"taskConfigPassthroughs": "2.15"}
_PARAMETER = {"literals": "2.16"}
_IMPORTER = {"downloadToWorkspace": "2.15"}


def newer_fields(pipeline: ParsedPipeline) -> Iterator[tuple[str, str]]:
    """Place of each such field, and the first release that reads it."""
    for place, component in pipeline.components():
        yield from _in(json_format.MessageToDict(component), place, _COMPONENT)
        for name, parameter in sorted(component.input_definitions.parameters.items()):
            here = f"{place}.inputDefinitions.parameters.{name}"
            yield from _in(json_format.MessageToDict(parameter), here, _PARAMETER)
    for label, executor in sorted(pipeline.executors.items()):
        importer = json_format.MessageToDict(executor.importer)
        yield from _in(importer, f"deploymentSpec.executors.{label}.importer", _IMPORTER)
    for label, settings in pipeline.settings.items():
        yield from _of_settings(settings, settings_place(label))
    if KUBERNETES in pipeline.platform.platforms:
        platform = json_format.MessageToDict(pipeline.platform.platforms[KUBERNETES])
        yield from _in(platform.get("pipelineConfig", {}), f"platforms.{KUBERNETES}.pipelineConfig", _PIPELINE)


def _in(message: Mapping[str, Any], place: str, fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for field in sorted(fields.keys() & message.keys()):
        yield f"{place}.{field}", fields[field]


def _of_settings(settings: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for (field, part), release in _SETTINGS.items():
        if not part and field in settings:
            yield f"{place}.{field}", release
        entries = settings.get(field) if part else []
        for number, entry in enumerate(entries if isinstance(entries, list) else []):
            if part in entry:
                yield f"{place}.{field}[{number}].{part}", release
