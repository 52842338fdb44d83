"""The second document of a compiled pipeline: what its pods get from Kubernetes.

Fields are those of KubernetesExecutorConfig (kubernetes_platform/proto/kubernetes_executor_config.proto of
kubeflow/pipelines), as JSON.
"""

from __future__ import annotations

from typing import Any, Final

from pipeline.kubeflow.settings import KubeflowSection, StepSection

INVENTORY_FOLDER: Final = "/etc/tinyops/inventory"
SIGNING_KEY_FOLDER: Final = "/etc/tinyops/signing-key"
RELEASE_LINE_FOLDER: Final = "/var/lib/tinyops"

PUSHER: Final = "TFLMPusher"
READ_THE_STORE: Final = ("SensorExampleGen", "LatestBlessedModel")
"""Steps that open more of the object store than the artifacts that the launcher hands them."""


def build(section: KubeflowSection, spec: dict[str, Any]) -> dict[str, Any]:
    """The PlatformSpec of a pipeline.

    Args:
        section: what the project asks for.
        spec: the PipelineSpec.
    """
    executors = {}
    for name, task in spec["root"]["dag"]["tasks"].items():
        config = _executor_config(name, section)
        if config:
            executors[spec["components"][task["componentRef"]["name"]]["executorLabel"]] = config
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else {}


def store_environment(name: str, section: KubeflowSection) -> dict[str, str]:
    """Variables that a step needs besides its Secret to open the object store.

    Args:
        name: of the step.
        section: what the project asks for.
    """
    endpoint = section.object_store.endpoint
    return {"AWS_ENDPOINT_URL": endpoint} if name in READ_THE_STORE and endpoint is not None else {}


def _executor_config(name: str, section: KubeflowSection) -> dict[str, Any]:
    step, line = section.step(name), section.release_line
    files = [(secret, section.secrets[secret].mount) for secret in step.secrets]
    variables = [(secret, section.secrets[secret].environment) for secret in step.secrets]
    config_maps = [(config_map, section.config_maps[config_map].mount) for config_map in step.config_maps]
    claims = [(claim, section.volumes[claim].mount) for claim in step.volumes]
    labels = dict(step.labels)
    if name == PUSHER:
        files.append((line.signing_key.name, SIGNING_KEY_FOLDER))
        config_maps.append((line.inventory.name, INVENTORY_FOLDER))
        claims.append((line.claim, RELEASE_LINE_FOLDER))
        labels |= line.labels
    if name in READ_THE_STORE and section.object_store.secret is not None:
        store = section.object_store
        keys = {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret_key}
        variables.append((store.secret, keys))
    config: dict[str, Any] = {
        "secretAsVolume": [{"secretName": secret, "mountPath": mount} for secret, mount in files if mount],
        "secretAsEnv": [_environment(secret, keys) for secret, keys in variables if keys],
        "configMapAsVolume": [{"configMapName": config_map, "mountPath": mount} for config_map, mount in config_maps],
        "pvcMount": [{"constant": claim, "mountPath": mount} for claim, mount in claims],
        "nodeSelector": {"labels": dict(step.node_selector)} if step.node_selector else {},
        "tolerations": [_toleration(step, place) for place in range(len(step.tolerations))],
        "podMetadata": {"labels": labels} if labels else {},
    }
    return {field: value for field, value in config.items() if value}


def _environment(secret: str, keys: dict[str, str]) -> dict[str, Any]:
    return {
        "secretName": secret,
        "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in sorted(keys.items())],
    }


def _toleration(step: StepSection, place: int) -> dict[str, Any]:
    toleration = step.tolerations[place]
    fields = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.seconds,
    }
    return {field: value for field, value in fields.items() if value is not None}
