"""A compiled file as protobuf messages, with names for what the checks ask of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.findings import Finding
from pipeline.kubeflow.verification.messages import Messages, own_messages
from pipeline.kubeflow.verification.strict_json import read_strictly

if TYPE_CHECKING:
    from kfp.pipeline_spec import pipeline_spec_pb2 as pb

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
    settings: dict[str, dict[str, Any]]  # JSON of KubernetesExecutorConfig by executor label.

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

    def container(self, component: str) -> Any:
        """The PipelineContainerSpec of a component; None where it runs none."""
        label = self.spec.components[component].executor_label if component in self.spec.components else ""
        executor = self.executors.get(label)
        return executor.container if executor is not None and executor.HasField("container") else None


@dataclass(frozen=True)
class Misfits:
    """Places that are not what the messages have, by document."""

    spec: tuple[Finding, ...]
    deployment: tuple[Finding, ...]
    platform: tuple[Finding, ...]
    settings: tuple[Finding, ...]  # Empty too where the messages have none for an executor's settings.


def settings_place(label: str) -> str:
    """Keys that lead to the Kubernetes settings of an executor."""
    return f"platforms.{KUBERNETES}.deploymentSpec.executors.{label}"


def parse(file: PipelineFile, messages: Messages | None = None) -> tuple[ParsedPipeline, Misfits]:
    """Read a file into messages; what does not fit is left out and named.

    Args:
        file: the compiled pipeline.
        messages: of the kfp to read with; by default the one installed here.
    """
    kinds = messages or own_messages()
    spec, deployment, platform = kinds.spec(), kinds.deployment(), kinds.platform()
    spec_misfits = tuple(read_strictly(file.spec, spec, ""))
    deployment_misfits = tuple(read_strictly(file.spec["deploymentSpec"], deployment, "deploymentSpec"))
    platform_misfits = tuple(read_strictly(file.platform, platform, ""))
    settings, settings_misfits = _settings(platform, kinds)
    return (
        ParsedPipeline(spec, dict(deployment.executors), platform, settings),
        Misfits(spec_misfits, deployment_misfits, platform_misfits, settings_misfits),
    )


def _settings(platform: Any, kinds: Messages) -> tuple[dict[str, dict[str, Any]], tuple[Finding, ...]]:
    read, misfits = {}, list[Finding]()
    if KUBERNETES in platform.platforms:
        for label, struct in sorted(platform.platforms[KUBERNETES].deployment_spec.executors.items()):
            # The fields of a Struct come in any order.
            read[label] = json.loads(json_format.MessageToJson(struct, sort_keys=True))
            if kinds.settings is not None:
                message = kinds.settings()
                misfits += read_strictly(read[label], message, settings_place(label))
                read[label] = json_format.MessageToDict(message)
    return read, tuple(misfits)
