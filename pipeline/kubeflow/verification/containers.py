"""Images that mean the same tomorrow, and commands that the launcher can start."""

from __future__ import annotations

from collections.abc import Iterator

from kfp.pipeline_spec import pipeline_spec_pb2 as pb
from pydantic import TypeAdapter, ValidationError

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline
from pipeline.project.kubeflow_settings import Image

_IMAGE = TypeAdapter[str](Image)


def check_containers(pipeline: ParsedPipeline) -> Check:
    """Image and command of every container."""
    findings = [
        finding
        for label, executor in sorted(pipeline.executors.items())
        if executor.HasField("container")
        for finding in _container(executor.container, f"deploymentSpec.executors.{label}.container")
    ]
    return Check("containers", tuple(findings), remedy="give `kubeflow.image` in tinyops.yaml and compile again")


def _container(container: pb.PipelineDeploymentConfig.PipelineContainerSpec, place: str) -> Iterator[Finding]:
    try:
        _IMAGE.validate_python(container.image)
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        yield Finding(f"{place}.image", f"{container.image!r}: {why}")
    if not container.command:
        # The launcher takes the place of the image's entrypoint, and starts what follows it.
        yield Finding(f"{place}.command", "is missing; Kubeflow's launcher does not start the image's own entrypoint")
