"""Artifact types: titles that Kubeflow accepts and that the steps can restore."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from edge_deployer.errors import TinyopsError
from edge_deployer.files import parse_yaml
from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline

if TYPE_CHECKING:
    from kfp.pipeline_spec import pipeline_spec_pb2 as pb

GENERIC = frozenset({"system.Artifact", "tfx.Artifact"})
"""Fit every type (kfp.dsl.types.type_utils.verify_type_compatibility)."""

_TITLE = re.compile(r"[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}")
"""Kubeflow's schema of titles, as TFX has it (tfx.orchestration.kubeflow.v2.compiler_utils)."""

OURS = frozenset({"tinyops.AcceptanceSet", "tinyops.DataFindings", "tinyops.DeploymentReport"})
"""Titles in components.artifact_types, whose import is TFX's."""

KUBEFLOWS = frozenset(
    f"system.{name}"
    for name in (
        *("Artifact", "Model", "Dataset", "Metrics", "ClassificationMetrics", "SlicedClassificationMetrics"),
        *("HTML", "Markdown"),
    )
)
"""Titles in kfp.dsl.types.artifact_types, whose import is all of kfp's."""


def title_of(artifact_type: pb.ArtifactTypeSchema) -> str:
    """The title under which Kubeflow records an artifact; empty where the type has none that can be read."""
    if artifact_type.schema_title:
        return str(artifact_type.schema_title)
    try:
        schemas = parse_yaml(artifact_type.instance_schema, "schema of an artifact type", remedy="")
    except TinyopsError:
        return ""
    return str(schemas[0].get("title", "")) if schemas and isinstance(schemas[0], dict) else ""


def check_artifact_types(pipeline: ParsedPipeline) -> Check:
    """The type of every artifact that a component takes or makes, or that an importer brings."""
    findings = [finding for place, kind in _types(pipeline) for finding in _type(place, kind)]
    return Check(
        "artifact types",
        tuple(findings),
        remedy="use TFX's types, those of components/, or a title like system.Model",
    )


def _types(pipeline: ParsedPipeline) -> Iterator[tuple[str, pb.ArtifactTypeSchema]]:
    for place, component in pipeline.components():
        for name, artifact in sorted(component.input_definitions.artifacts.items()):
            yield f"{place}.inputDefinitions.artifacts.{name}.artifactType", artifact.artifact_type
        for name, artifact in sorted(component.output_definitions.artifacts.items()):
            yield f"{place}.outputDefinitions.artifacts.{name}.artifactType", artifact.artifact_type
    for label, executor in sorted(pipeline.executors.items()):
        if executor.HasField("importer"):
            yield f"deploymentSpec.executors.{label}.importer.typeSchema", executor.importer.type_schema


def _type(place: str, kind: pb.ArtifactTypeSchema) -> Iterator[Finding]:
    form = kind.WhichOneof("kind")
    title = title_of(kind)
    if form not in ("schema_title", "instance_schema"):
        # backend/src/v2/component/launcher_v2.go, getArtifactSchema
        yield Finding(place, "has neither schemaTitle nor instanceSchema; Kubeflow's launcher takes nothing else")
    elif not _TITLE.fullmatch(title):
        yield Finding(place, f"the title {title!r} is none that Kubeflow accepts: it wants {_TITLE.pattern}")
    elif form == "instance_schema" and title not in OURS | _known_titles():
        yield Finding(place, f"no component here or in TFX has the type {title}, so no step could restore it")


@cache
def _known_titles() -> frozenset[str]:
    """TFX's titles and Kubeflow's own. TFX's are read from its files, since importing TFX takes seconds."""
    tfx = find_spec("tfx")
    folders = tfx.submodule_search_locations if tfx else None
    files = (
        file
        for folder in folders or []
        for file in Path(folder, "orchestration", "kubeflow", "v2", "artifact_types").glob("*.yaml")
    )
    return KUBEFLOWS | {yaml.safe_load(file.read_text())["title"] for file in files}
