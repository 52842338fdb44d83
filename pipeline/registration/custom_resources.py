"""A pipeline and a version as custom resources, for a cluster whose state is kept in git."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder, read_file, write_file
from pipeline.kubeflow.compilation import yaml_text
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile

API_VERSION: Final = "pipelines.kubeflow.org/v2beta1"
"""kubeflow/pipelines, manifests/kustomize/base/crds/pipelines.kubeflow.org_{pipelines,pipelineversions}.yaml. Only
fields that every release of these has are written: the API server of Kubernetes refuses unknown ones."""

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME: Final = 253
"""RFC 1123 as Kubernetes applies it to names of objects."""


@dataclass(frozen=True)
class CustomResources:
    """The two files."""

    outcome: Literal["written", "unchanged"]  # Whether this call wrote the version.
    pipeline: Path  # File of the `Pipeline`.
    version: Path  # File of the `PipelineVersion`. Its name sorts after the pipeline's, which must be applied first.


def write_custom_resources(
    file: PipelineFile, folder: Path, *, version: str, name: str | None = None, namespace: str | None = None
) -> CustomResources:
    """Write a pipeline and a version; the same arguments give the same bytes.

    Args:
        file: the compiled pipeline.
        folder: where; made if it is not there.
        version: name of the version.
        name: name of the pipeline; None takes the file's.
        namespace: Kubernetes namespace; None leaves it to whoever applies the files.

    Raises:
        TinyopsError: a name is none that Kubernetes takes, the folder cannot be written, or the version is there with
            other content; a version does not change on the cluster either.
    """
    name = name or file.name
    for label, value in (("name", name), ("version", version), ("name and version", f"{name}-{version}")):
        _require_subdomain(label, value)
    contents = {
        "pipelineName": name,
        "displayName": version,
        "pipelineSpec": file.spec,
        "platformSpec": file.platform,
    }
    version_text = _resource("PipelineVersion", f"{name}-{version}", namespace, contents)
    description = {"description": file.spec["pipelineInfo"].get("description")}
    version_file = folder / f"{name}.version-{version}.yaml"
    pipeline_file = folder / f"{name}.pipeline.yaml"
    outcome = _outcome(version_file, version_text)
    make_folder(folder)
    write_file(pipeline_file, _resource("Pipeline", name, namespace, description))
    write_file(version_file, version_text)
    return CustomResources(outcome, pipeline_file, version_file)


def _resource(kind: str, name: str, namespace: str | None, spec: dict[str, Any]) -> bytes:
    metadata = {"name": name, "namespace": namespace}
    document = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {key: value for key, value in metadata.items() if value},
        "spec": {key: value for key, value in spec.items() if value},
    }
    return yaml_text.dump([document]).encode()


def _outcome(path: Path, contents: bytes) -> Literal["written", "unchanged"]:
    if not path.is_file():
        return "written"
    if read_file(path, str(path)) != contents:
        raise TinyopsError(
            f"{path} is there with other content; nothing was written",
            remedy="compile from the commit that the version names, or write another --version",
        )
    return "unchanged"


def _require_subdomain(label: str, value: str) -> None:
    if not _SUBDOMAIN.fullmatch(value) or len(value) > _MAX_NAME:
        raise TinyopsError(
            f"{label} {value!r} cannot name an object in Kubernetes",
            remedy="use lower-case letters, digits, - and ., begin and end with a letter or digit, 253 at most",
        )
