"""How an executor's Kubernetes settings name a Secret, a ConfigMap or a PersistentVolumeClaim.

Source: kubeflow/pipelines, kubernetes_platform/proto/kubernetes_executor_config.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_FIELDS = {
    "secret": ("secretName", "secretNameParameter"),
    "config map": ("configMapName", "configMapNameParameter"),
    "volume claim": ("constant", "pvcNameParameter"),
}


class ObjectName(NamedTuple):
    """What is known of a name before a run."""

    text: str  # The name itself, or where a run takes it from: ``parameter NAME``, ``output KEY of TASK``.
    is_known: bool  # Whether it is the name itself.


def object_name(entry: Mapping[str, Any], kind: str) -> ObjectName | None:
    """The name in a field of KubernetesExecutorConfig; None where it has none.

    Args:
        entry: the field, as JSON.
        kind: secret, config map or volume claim.
    """
    plain, parameter = _FIELDS[kind]
    # Where both are given, the driver takes the parameter (backend/src/v2/driver/k8s.go, extendPodSpecPatch).
    source = entry.get(parameter, entry)
    if not isinstance(source, dict):
        return None
    runtime_value, output = source.get("runtimeValue"), source.get("taskOutputParameter")
    if isinstance(runtime_value, dict) and isinstance(runtime_value.get("constant"), str):
        return _known(runtime_value["constant"])
    if isinstance(output, dict) and output.get("producerTask") and output.get("outputParameterKey"):
        return ObjectName(f"output {output['outputParameterKey']} of {output['producerTask']}", is_known=False)
    if source.get("componentInputParameter"):
        return ObjectName(f"parameter {source['componentInputParameter']}", is_known=False)
    return _known(entry.get(plain)) if parameter not in entry else None


def _known(name: Any) -> ObjectName | None:
    return ObjectName(name, is_known=True) if isinstance(name, str) and name else None
