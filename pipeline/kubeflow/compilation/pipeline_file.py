"""The file that Kubeflow Pipelines takes: a PipelineSpec and, in a second YAML document, a PlatformSpec."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_yaml_documents
from pipeline.kubeflow.compilation import yaml_text

PLATFORM_KEY = "platforms"
"""Only a PlatformSpec has it (kfp.pipeline_spec.PlatformSpec.platforms)."""


@dataclass(frozen=True)
class PipelineFile:
    """A compiled pipeline, as JSON."""

    spec: dict[str, Any]  # PipelineSpec, schema 2.1 (kfp.pipeline_spec.PipelineSpec).
    # PlatformSpec; empty where the pipeline asks nothing of Kubernetes.
    platform: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return str(self.spec["pipelineInfo"]["name"])

    @property
    def executors(self) -> dict[str, Any]:
        """What runs, by executor label."""
        return dict(self.spec["deploymentSpec"]["executors"])

    def to_yaml(self) -> str:
        """Both documents; the same contents give the same text."""
        return yaml_text.dump([self.spec, self.platform] if self.platform else [self.spec])

    @classmethod
    def load(cls, path: Path) -> PipelineFile:
        """Read a compiled file. Whether its contents make sense is `tinyops verify`'s question.

        Raises:
            TinyopsError: the file is missing, is not YAML, or is not one PipelineSpec with at most one PlatformSpec.
        """
        return cls._from_documents(_documents(path), path)

    @classmethod
    def _from_documents(cls, documents: list[Any], path: Path) -> PipelineFile:
        if any(not isinstance(document, dict) for document in documents):
            raise _not_compiled(path, "a document in it is no mapping")
        for document in documents:
            if foreign := _foreign(document):
                raise _not_compiled(path, f"it is {foreign}")
        specs = [document for document in documents if PLATFORM_KEY not in document]
        platforms = [document for document in documents if PLATFORM_KEY in document]
        if len(specs) != 1 or len(platforms) > 1:
            raise _not_compiled(path, f"it has {len(specs)} pipeline and {len(platforms)} platform documents")
        (spec,) = specs
        for name in ("pipelineInfo", "deploymentSpec", "root"):
            if not isinstance(spec.get(name), dict):
                raise _not_compiled(path, f"{name} is missing")
        return cls(spec, platforms[0] if platforms else {})


def _documents(path: Path) -> list[Any]:
    remedy = "make it with `tinyops compile -o pipeline.yaml`"
    return [document for document in read_yaml_documents(path, str(path), remedy=remedy) if document is not None]


def _foreign(document: dict[str, Any]) -> str | None:
    """What other kind of pipeline, component or object a document is."""
    if str(document.get("apiVersion")).startswith("argoproj.io/"):
        return "an Argo workflow, which kfp 1 made of pipelines"
    if "pipelineSpec" in document:
        return "a PipelineJob, the JSON that Vertex AI takes"
    if "implementation" in document:
        return "a component of kfp 1"
    return f"a Kubernetes object of kind {document['kind']}" if {"apiVersion", "kind"} <= document.keys() else None


def _not_compiled(path: Path, why: str) -> TinyopsError:
    return TinyopsError(
        f"{path} is not a pipeline compiled for Kubeflow Pipelines 2: {why}",
        remedy="make it with `tinyops compile -o pipeline.yaml`",
    )
