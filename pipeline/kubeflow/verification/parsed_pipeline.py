"""A compiled file as protobuf messages, with names for what the checks ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.findings import Finding
from pipeline.kubeflow.verification.strict_json import read_strictly

KUBERNETES = "kubernetes"
"""The platform that Kubeflow's back end reads settings of (backend/src/apiserver/template/v2_template.go)."""


@dataclass(frozen=True)
class Dag:
    """A graph of tasks: the pipeline's own, or that of a component which is a pipeline itself."""

    place: str  # Keys that lead to the component.
    component: pb.ComponentSpec  # The ComponentSpec whose `dag` it is; it defines what comes in and goes out.

    def tasks(self) -> Iterator[tuple[str, str, pb.PipelineTaskSpec]]:
        """Name, place and spec of each task."""
        for name, task in sorted(self.component.dag.tasks.items()):
            yield name, f"{self.place}.dag.tasks.{name}", task


@dataclass(frozen=True)
class ParsedPipeline:
    """What could be read of a compiled file."""

    spec: pb.PipelineSpec  # PipelineSpec; its `deployment_spec` is a Struct, here read in `executors`.
    executors: dict[str, pb.PipelineDeploymentConfig.ExecutorSpec]  # ExecutorSpec by label.
    platform: pb.PlatformSpec  # PlatformSpec; empty where the file has none.

    def components(self) -> Iterator[tuple[str, pb.ComponentSpec]]:
        """Place and spec of the root and of each component."""
        yield "root", self.spec.root
        for name, component in sorted(self.spec.components.items()):
            yield f"components.{name}", component

    def dags(self) -> Iterator[Dag]:
        """Each graph in the file."""
        for place, component in self.components():
            if component.HasField("dag"):
                yield Dag(place, component)


@dataclass(frozen=True)
class Misfits:
    """Places that are not what the messages have, by document."""

    spec: tuple[Finding, ...]
    deployment: tuple[Finding, ...]
    platform: tuple[Finding, ...]


def parse(file: PipelineFile) -> tuple[ParsedPipeline, Misfits]:
    """Read a file into messages; what does not fit is left out and named."""
    spec, deployment, platform = pb.PipelineSpec(), pb.PipelineDeploymentConfig(), pb.PlatformSpec()
    misfits = Misfits(
        spec=tuple(read_strictly(file.spec, spec, "")),
        deployment=tuple(read_strictly(file.spec["deploymentSpec"], deployment, "deploymentSpec")),
        platform=tuple(read_strictly(file.platform, platform, "")),
    )
    return ParsedPipeline(spec, dict(deployment.executors), platform), misfits
