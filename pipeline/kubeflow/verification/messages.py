"""The protobuf messages that a compiled file is read into: those of the newest kfp, or of the one installed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet

_SPEC, _DEPLOYMENT, _PLATFORM = (
    f"ml_pipelines.{name}" for name in ("PipelineSpec", "PipelineDeploymentConfig", "PlatformSpec")
)
_SETTINGS = "kfp_kubernetes.KubernetesExecutorConfig"


@dataclass(frozen=True)
class Messages:
    """Message types of one kfp."""

    spec: Any  # ml_pipelines.PipelineSpec.
    deployment: Any  # ml_pipelines.PipelineDeploymentConfig.
    platform: Any  # ml_pipelines.PlatformSpec.
    settings: Any = None  # kfp_kubernetes.KubernetesExecutorConfig; None where kfp-kubernetes is not installed.


def own_messages() -> Messages:
    """Those of the kfp installed here. Its import takes a second, which others need not wait for."""
    from kfp.pipeline_spec import pipeline_spec_pb2 as pb

    return Messages(pb.PipelineSpec, pb.PipelineDeploymentConfig, pb.PlatformSpec)


def messages_from(files: bytes) -> Messages:
    """Those of another kfp.

    Args:
        files: FileDescriptorSet with KubernetesExecutorConfig and all that it imports, PipelineSpec among it.
    """
    kinds = message_factory.GetMessages(FileDescriptorSet.FromString(files).file)
    return Messages(kinds[_SPEC], kinds[_DEPLOYMENT], kinds[_PLATFORM], kinds[_SETTINGS])
