"""The second document of a compiled pipeline: what its pods get from Kubernetes.

Fields are those of KubernetesExecutorConfig (kubernetes_platform/proto/kubernetes_executor_config.proto of
kubeflow/pipelines), as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pipeline.project.kubeflow_settings import (
    KUBEFLOWS_STORE,
    SHARED_MEMORY,
    SHARED_MEMORY_VOLUME,
    KubeflowSection,
    NodeTerm,
    ObjectStoreSection,
    Toleration,
    TtlSection,
)
from pipeline.project.step_names import BASELINE, DATA_GATE, PUSHER, READER

STORE_ADDRESS: Final = "AWS_ENDPOINT_URL"
"""Environment variable that boto3 reads: the address of an object store that speaks S3."""


def build(section: KubeflowSection, spec: dict[str, Any]) -> dict[str, Any]:
    """The PlatformSpec of a pipeline."""
    executors = {
        spec["components"][task["componentRef"]["name"]]["executorLabel"]: _executor_config(name, section)
        for name, task in spec["root"]["dag"]["tasks"].items()
    }
    kubernetes = _filled(
        {
            "deploymentSpec": _filled({"executors": _filled(executors)}),
            "pipelineConfig": _pipeline_config(section.ttl),
        }
    )
    return {"platforms": {"kubernetes": kubernetes}} if kubernetes else {}


def store_environment(name: str, section: KubeflowSection) -> dict[str, str]:
    """Variables that a step needs besides its Secret to open the object store."""
    store = _store(name, section)
    if store is None or store.endpoint is None:
        return {}
    return _without(_own_variables(name, section), {STORE_ADDRESS: store.endpoint})


def first_step_opens_the_root(section: KubeflowSection) -> bool:
    """Whether SensorExampleGen can look if the pipeline root answers: its own data may lie in another store."""
    return _access(READER, section) == _access(BASELINE, section)


def _access(name: str, section: KubeflowSection) -> dict[str, object]:
    """All that a step is told of object stores, by variable."""
    variables: dict[str, object] = {**store_environment(name, section), **section.step(name).environment}
    for secret, keys in _secret_variables(name, section):
        variables |= {variable: (secret, key) for variable, key in keys.items()}
    return {variable: value for variable, value in variables.items() if variable.startswith(("AWS_", "GOOGLE_"))}


def _store(name: str, section: KubeflowSection) -> ObjectStoreSection | None:
    """How a step opens the object store itself; None for one that does not, or that needs nothing for it."""
    if name == READER and section.data_file is not None and not section.data_file.startswith("/"):
        opened = section.data_file
    elif name in (READER, DATA_GATE, BASELINE):
        opened = section.pipeline_root
    else:
        return None
    if section.object_store is not None:
        return section.object_store
    return KUBEFLOWS_STORE if opened.startswith("minio://") else None


def _own_variables(name: str, section: KubeflowSection) -> set[str]:
    """What the project sets for a step: it goes before what the step gets for the object store."""
    step = section.step(name)
    return set(step.environment).union(*(section.secrets[secret].environment for secret in step.secrets))


def _without(names: set[str], variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in names}


def _executor_config(name: str, section: KubeflowSection) -> dict[str, Any]:
    step = section.step(name)
    labels = {**step.labels, **(section.release_line.labels if name == PUSHER else {})}
    config: dict[str, Any] = {
        "secretAsVolume": _volumes(name, section, "Secret", "secretName"),
        "secretAsEnv": [_environment(secret, keys) for secret, keys in _secret_variables(name, section) if keys],
        "configMapAsVolume": _volumes(name, section, "ConfigMap", "configMapName"),
        "pvcMount": _volumes(name, section, "PersistentVolumeClaim", "constant"),
        "emptyDirMounts": _shared_memory(step.shared_memory_gb),
        "nodeSelector": {"labels": dict(step.node_selector)} if step.node_selector else {},
        "nodeAffinity": [_node_term(term) for term in step.node_affinity],
        "tolerations": [_toleration(toleration) for toleration in step.tolerations],
        "podMetadata": _filled({"labels": labels, "annotations": dict(step.annotations)}),
        "imagePullPolicy": step.image_pull_policy,
        "imagePullSecret": [{"secretName": secret} for secret in step.image_pull_secrets],
        "activeDeadlineSeconds": step.timeout_s,
    }
    return _filled(config)


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if value}


def _shared_memory(size_gb: float | None) -> list[dict[str, str]]:
    """A folder in memory. No back end, 2.14 to 2.17, reads the message's `enabledSharedMemory`.

    backend/src/v2/driver/k8s.go at 2.14.0, line 460; at 2.17.0, line 590.
    """
    if size_gb is None:
        return []
    size = f"{round(size_gb * 1000)}M"
    return [{"volumeName": SHARED_MEMORY_VOLUME, "mountPath": SHARED_MEMORY, "medium": "Memory", "sizeLimit": size}]


def _node_term(term: NodeTerm) -> dict[str, Any]:
    expressions = [_filled(requirement.model_dump()) for requirement in term.match]
    return _filled({"matchExpressions": expressions, "weight": term.weight})


def _pipeline_config(ttl: TtlSection) -> dict[str, int]:
    return _filled(
        {
            "resourceTtlOnCompletion": ttl.seconds_after_completion,
            "resourceTtlOnSuccess": ttl.seconds_after_success,
            "resourceTtlOnFailure": ttl.seconds_after_failure,
        }
    )


def _volumes(name: str, section: KubeflowSection, kind: str, field: str) -> list[dict[str, str]]:
    return [{field: mount.name, "mountPath": mount.folder} for mount in section.mounts(name) if mount.kind == kind]


def _secret_variables(name: str, section: KubeflowSection) -> list[tuple[str, Mapping[str, str]]]:
    """Secrets of a step, with the key for each variable."""
    variables: list[tuple[str, Mapping[str, str]]] = [
        (secret, section.secrets[secret].environment) for secret in section.step(name).secrets
    ]
    store = _store(name, section)
    if store is not None and store.secret is not None:
        keys = {"AWS_ACCESS_KEY_ID": store.access_key, "AWS_SECRET_ACCESS_KEY": store.secret_key}
        variables.append((store.secret, _without(_own_variables(name, section), keys)))
    return variables


def _environment(secret: str, keys: Mapping[str, str]) -> dict[str, Any]:
    return {
        "secretName": secret,
        "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in sorted(keys.items())],
    }


def _toleration(toleration: Toleration) -> dict[str, Any]:
    fields = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": toleration.seconds,
    }
    return {field: value for field, value in fields.items() if value is not None}
