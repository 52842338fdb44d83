"""An executor's Kubernetes settings against the message in which kfp-kubernetes keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import KUBERNETES, ParsedPipeline
from pipeline.kubeflow.verification.strict_json import read_strictly

_MESSAGE = "kfp_kubernetes.KubernetesExecutorConfig"


def check_platform_settings(name: str, pipeline: ParsedPipeline, message: bytes) -> Check:
    """Fields that are not there, and values that do not fit.

    Args:
        name: of the check.
        pipeline: the compiled file.
        message: FileDescriptorSet of KubernetesExecutorConfig, of the kfp-kubernetes to be asked.
    """
    findings = tuple(_findings(pipeline, message))
    return Check(name, findings, remedy="correct `kubeflow:` in tinyops.yaml and compile again")


def _findings(pipeline: ParsedPipeline, message: bytes) -> Iterator[Finding]:
    settings_type = message_factory.GetMessages(FileDescriptorSet.FromString(message).file)[_MESSAGE]
    for name, platform in pipeline.platform.platforms.items():
        for label, settings in sorted(platform.deployment_spec.executors.items() if name == KUBERNETES else ()):
            place = f"platforms.{name}.deploymentSpec.executors.{label}"
            # The fields of a Struct come in any order.
            values = json.loads(json_format.MessageToJson(settings, sort_keys=True))
            yield from read_strictly(values, settings_type(), place)
