"""Settings for Kubernetes: of executors that exist, and for the platform that is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import KUBERNETES, ParsedPipeline
from pipeline.kubeflow.verification.quantities import quantity

PLATFORM_DOCUMENT = "platform document"

_CLAIM_FIELDS = {"accessModes", "storageClassName"}
"""Of a workspace's claim, what a pipeline may set (argocompiler/argo.go, convertStructToPVCSpec)."""

_SECONDS = ("resourceTtlOnCompletion", "resourceTtlOnSuccess", "resourceTtlOnFailure", "activeDeadlineSeconds")


def check_platform(pipeline: ParsedPipeline, misfits: tuple[Finding, ...]) -> Check:
    """The platform document, down to the settings of each executor."""
    return Check(
        PLATFORM_DOCUMENT,
        (*misfits, *_platforms(pipeline), *_pipeline_config(pipeline)),
        remedy="compile the pipeline again, or correct the second document",
    )


def _platforms(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for name, platform in sorted(pipeline.platform.platforms.items()):
        if name != KUBERNETES:
            yield Finding(f"platforms.{name}", f"is not read; the platform is called {KUBERNETES}")
            continue
        for label in sorted(platform.deployment_spec.executors.keys() - pipeline.executors.keys()):
            yield Finding(f"platforms.{name}.deploymentSpec.executors.{label}", "there is no such executor")


def _pipeline_config(pipeline: ParsedPipeline) -> Iterator[Finding]:
    """Settings of the whole pipeline (argo.go: GetWorkspacePVC, buildTTLStrategy, buildActiveDeadlineSeconds)."""
    if KUBERNETES not in pipeline.platform.platforms:
        return
    place = f"platforms.{KUBERNETES}.pipelineConfig"
    config = json_format.MessageToDict(pipeline.platform.platforms[KUBERNETES]).get("pipelineConfig", {})
    for field in _SECONDS:
        if config.get(field, 0) < 0:
            yield Finding(f"{place}.{field}", f"{config[field]} is negative, and the back end ignores it")
    if "kubernetes" in config.get("workspace", {}):
        yield from _workspace(config["workspace"], f"{place}.workspace")


def _workspace(workspace: dict[str, Any], place: str) -> Iterator[Finding]:
    size, claim = workspace.get("size", ""), workspace["kubernetes"].get("pvcSpecPatch", {})
    try:
        quantity(size)
    except ValueError as error:
        yield Finding(f"{place}.size", f"{size!r} {error}")
    for field in sorted(claim.keys() - _CLAIM_FIELDS):
        yield Finding(f"{place}.kubernetes.pvcSpecPatch.{field}", "may not be set by a pipeline")
    if claim.get("storageClassName", "default") == "":
        yield Finding(f"{place}.kubernetes.pvcSpecPatch.storageClassName", "is empty; leave it out for the default")
