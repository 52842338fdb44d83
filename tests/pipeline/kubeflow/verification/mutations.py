"""Changes of a valid file that driver, Argo or Kubernetes refuse, a field each, with the place that refuses it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile

DRIVER: Final = "backend/src/v2/driver"
COMPILER: Final = "backend/src/v2/compiler/argocompiler"
TEMPLATE: Final = "backend/src/apiserver/template/v2_template.go"
LAUNCHER: Final = "backend/src/v2/component/launcher_v2.go"
ARGO: Final = "argo-workflows workflow/validate/validate.go"
RETRIES: Final = "argo-workflows workflow/controller/operator.go"
PODS: Final = "validation.go"
LABELS: Final = "apimachinery pkg/util/validation/validation.go"
QUANTITY: Final = "apimachinery pkg/api/resource/quantity.go"
PROTOJSON: Final = "protobuf-go encoding/protojson/decode.go"

DROP: Final = object()
ANY: Final = "*"
TASKS: Final = (("root", "dag", "tasks", ANY), ("components", ANY, "dag", "tasks", ANY))
CONTAINERS: Final = (("deploymentSpec", "executors", ANY, "container"),)
SETTINGS: Final = (("platforms", "kubernetes", "deploymentSpec", "executors", ANY),)
CONFIG: Final = (("platforms", "kubernetes"),)
ROOT: Final = ((),)


@dataclass(frozen=True)
class Mutation:
    """A value that is put into a message, wherever the file has such a message."""

    messages: tuple[tuple[str, ...], ...]  # Keys that lead to the message; `ANY` for each key or item there.
    field: str  # Of the message; the value takes the place of what is there.
    value: Any
    source: str  # Who refuses it, as docs/verify.md names it.

    def __str__(self) -> str:
        return f"{'.'.join(self.messages[-1][-1:])}.{self.field}={self.value if self.value is not DROP else 'dropped'}"

    def of(self, file: PipelineFile) -> Iterator[PipelineFile]:
        """The file with this change, once for each message of the kind."""
        for keys in self.messages:
            part = "platform" if keys[:1] == ("platforms",) else "spec"
            for place in list(_places(getattr(file, part), keys)):
                changed = copy.deepcopy(file)
                message = getattr(changed, part)
                for key in place:
                    message = message[key]
                if self.value is DROP:
                    if message.pop(self.field, None) is None:
                        continue
                else:
                    message[self.field] = copy.deepcopy(self.value)
                yield changed


def _places(document: Any, keys: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    if not keys:
        if isinstance(document, dict):
            yield ()
        return
    first, *rest = keys
    if first == ANY and isinstance(document, (dict, list)):
        names = list(document) if isinstance(document, dict) else range(len(document))
    else:
        names = [first] if isinstance(document, dict) and first in document else []
    for name in names:
        yield from ((name, *place) for place in _places(document[name], tuple(rest)))


def _setting(field: str, value: Any, source: str) -> Mutation:
    return Mutation(SETTINGS, field, value, source)


def _named(kind: str, **fields: Any) -> dict[str, Any]:
    return {f"{kind}Name": "name", **fields}


_VARIABLE = {"secretKey": "key", "envVar": "NAME"}
_SCRATCH = {"volumeName": "scratch", "mountPath": "/scratch"}
_CLAIM = {**_SCRATCH, "size": "1Gi", "accessModes": ["ReadWriteOnce"]}

MUTATIONS: Final = (
    Mutation(ROOT, "schemaVersion", "2.0.0", f"{TEMPLATE}:230"),
    Mutation(ROOT, "pipelineInfo", {}, f"{TEMPLATE}:233"),
    Mutation(ROOT, "root", {}, "backend/src/v2/compiler/visitor.go:138"),
    Mutation(ROOT, "unknownField", "x", f"{TEMPLATE}:226"),
    Mutation(TASKS, "taskInfo", {}, f"{DRIVER}/driver.go:728"),
    Mutation(TASKS, "componentRef", {"name": "comp-of-nobody"}, f"{COMPILER}/dag.go:232"),
    Mutation(TASKS, "dependentTasks", ["of-nobody"], f"{ARGO}:1414"),
    Mutation(TASKS, "retryPolicy", {"maxRetryCount": -1}, f"{RETRIES}:1132"),
    Mutation(TASKS, "retryPolicy", {"maxRetryCount": 2, "backoffFactor": 1.5}, f"{RETRIES}:1055"),
    Mutation(TASKS, "retryPolicy", {"maxRetryCount": 2, "backoffFactor": -2}, f"{RETRIES}:1055"),
    Mutation(TASKS, "retryPolicy", {"maxRetryCount": 2, "backoffDuration": "-5s"}, f"{RETRIES}:1049"),
    Mutation(TASKS, "retryPolicy", {"maxRetryCount": 2, "backoffDuration": "5 min"}, PROTOJSON),
    Mutation(TASKS, "artifactIterator", {"itemInput": "x", "items": {"inputArtifact": "x"}}, f"{COMPILER}/dag.go:69"),
    Mutation(CONTAINERS, "image", " ", f"{PODS} validateContainerCommon"),
    Mutation(CONTAINERS, "resources", {"cpuLimit": -1}, f"{PODS} ValidateResourceQuantityValue"),
    Mutation(CONTAINERS, "resources", {"memoryLimit": -0.5}, f"{PODS} ValidateResourceQuantityValue"),
    Mutation(CONTAINERS, "resources", {"memoryLimit": "NaN"}, f"{DRIVER}/driver.go:191"),
    Mutation(CONTAINERS, "resources", {"memoryLimit": 0.00001}, f"{DRIVER}/driver.go:186"),
    Mutation(CONTAINERS, "resources", {"resourceCpuLimit": "-500m"}, f"{PODS} ValidateResourceQuantityValue"),
    Mutation(CONTAINERS, "resources", {"resourceCpuLimit": "four"}, f"{DRIVER}/driver.go:191"),
    Mutation(CONTAINERS, "resources", {"resourceMemoryLimit": "4GB"}, f"{DRIVER}/driver.go:191"),
    Mutation(CONTAINERS, "resources", {"resourceMemoryLimit": "4K"}, f"{DRIVER}/driver.go:191"),
    Mutation(CONTAINERS, "resources", {"resourceMemoryRequest": "4 Gi"}, f"{DRIVER}/driver.go:191"),
    Mutation(
        CONTAINERS,
        "resources",
        {"resourceCpuRequest": "2", "resourceCpuLimit": "1"},
        f"{PODS} ValidateContainerResourceRequirements",
    ),
    Mutation(
        CONTAINERS,
        "resources",
        {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "one"}},
        f"{DRIVER}/driver.go:441",
    ),
    Mutation(
        CONTAINERS,
        "resources",
        {"accelerator": {"resourceType": "nvidia gpu", "resourceCount": "1"}},
        f"{PODS} validateContainerResourceName",
    ),
    Mutation(CONTAINERS, "env", [{"name": "A=B", "value": "x"}], f"{PODS} ValidateEnv"),
    Mutation(CONTAINERS, "env", [{"name": "", "value": "x"}], f"{PODS} ValidateEnv"),
    Mutation(
        CONTAINERS, "env", [{"nam": "A"}], "backend/src/v2/compiler/visitor.go:185, which drops it without a word"
    ),
    _setting("imagePullPolicy", "Sometimes", f"{DRIVER}/k8s.go:187"),
    _setting("imagePullPolicy", "always", f"{DRIVER}/k8s.go:187"),
    _setting("secretAsVolume", [{"mountPath": "/etc/x"}], f"{DRIVER}/k8s.go:317"),
    _setting("secretAsVolume", [_named("secret", mountPath="")], f"{PODS} ValidateVolumeMounts"),
    _setting("secretAsVolume", [{"secretName": "Release_Key", "mountPath": "/x"}], f"{LABELS} IsDNS1123Label"),
    _setting("secretAsVolume", [{"secretName": "release.key", "mountPath": "/x"}], f"{LABELS} IsDNS1123Label"),
    _setting("secretAsVolume", [{"secretName": "s" * 64, "mountPath": "/x"}], f"{LABELS} IsDNS1123Label"),
    _setting("secretAsEnv", [{"keyToEnv": [_VARIABLE]}], f"{DRIVER}/k8s.go:379"),
    _setting("secretAsEnv", [{"secretName": "Keys", "keyToEnv": [_VARIABLE]}], f"{LABELS} IsDNS1123Subdomain"),
    _setting("secretAsEnv", [_named("secret", keyToEnv=[{"secretKey": "k"}])], f"{PODS} ValidateEnv"),
    _setting("secretAsEnv", [_named("secret", keyToEnv=[{"envVar": "A"}])], f"{PODS} validateSecretKeySelector"),
    _setting(
        "secretAsEnv",
        [_named("secret", keyToEnv=[{"secretKey": "a/b", "envVar": "A"}])],
        f"{LABELS} IsConfigMapKey",
    ),
    _setting("secretAsEnv", [{"secretNameParameter": {}, "keyToEnv": [_VARIABLE]}], f"{DRIVER}/resolve.go:495"),
    _setting(
        "secretAsEnv",
        [{"secretNameParameter": {"componentInputParameter": "of-nobody"}, "keyToEnv": [_VARIABLE]}],
        f"{DRIVER}/resolve.go:396",
    ),
    _setting(
        "pvcMount",
        [
            {
                "pvcNameParameter": {"taskOutputParameter": {"producerTask": "nobody", "outputParameterKey": "name"}},
                "mountPath": "/x",
            }
        ],
        f"{DRIVER}/resolve.go:610",
    ),
    _setting("configMapAsVolume", [{"mountPath": "/etc/x"}], f"{DRIVER}/k8s.go:411"),
    _setting("configMapAsEnv", [{"keyToEnv": [{"configMapKey": "k", "envVar": "A"}]}], f"{DRIVER}/k8s.go:475"),
    _setting("imagePullSecret", [{}], f"{DRIVER}/k8s.go:507"),
    _setting("imagePullSecret", [{"secretName": "Registry!"}], f"{LABELS} IsDNS1123Subdomain"),
    _setting("pvcMount", [{"mountPath": "/data"}], f"{DRIVER}/k8s.go:1140"),
    _setting("pvcMount", [{"constant": "claim"}], f"{DRIVER}/k8s.go:1153"),
    _setting("pvcMount", [{"constant": "My_Claim", "mountPath": "/x"}], f"{LABELS} IsDNS1123Label"),
    _setting("pvcMount", [{"constant": "claim", "mountPath": "/a:b"}], f"{PODS} ValidateVolumeMounts"),
    _setting("nodeSelector", {"labels": {"pool!": "gpu"}}, f"{LABELS} IsQualifiedName"),
    _setting("nodeSelector", {"labels": {"pool": "two words"}}, f"{LABELS} IsValidLabelValue"),
    _setting("nodeSelector", {"labels": {"pool": "x" * 64}}, f"{LABELS} IsValidLabelValue"),
    _setting("podMetadata", {"labels": {"-team": "a"}}, f"{LABELS} IsQualifiedName"),
    _setting("podMetadata", {"labels": {"team": "a/b"}}, f"{LABELS} IsValidLabelValue"),
    _setting("podMetadata", {"annotations": {"a b": "c"}}, "apimachinery pkg/api/validation/objectmeta.go:44"),
    _setting("tolerations", [{"key": "gpu", "operator": "Is"}], f"{PODS} ValidateTolerations"),
    _setting("tolerations", [{"operator": "Equal", "value": "x"}], f"{PODS} ValidateTolerations"),
    _setting("tolerations", [{"key": "gpu", "operator": "Exists", "value": "x"}], f"{PODS} ValidateTolerations"),
    _setting("tolerations", [{"key": "gpu", "operator": "Exists", "effect": "No"}], f"{PODS} ValidateTolerations"),
    _setting(
        "tolerations",
        [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 9}],
        f"{PODS} ValidateTolerations",
    ),
    _setting("activeDeadlineSeconds", -1, f"{DRIVER}/k8s.go:540"),
    _setting("activeDeadlineSeconds", 2**31, f"{PODS} ValidatePodSpec"),
    _setting("fieldPathAsEnv", [{"name": "A", "fieldPath": "spec.image"}], f"{PODS} validateObjectFieldSelector"),
    _setting("genericEphemeralVolume", [_CLAIM | {"size": "1GB"}], f"{DRIVER}/k8s.go:570"),
    _setting("genericEphemeralVolume", [_CLAIM | {"size": ""}], f"{DRIVER}/k8s.go:570"),
    _setting("genericEphemeralVolume", [_CLAIM | {"size": "-1Gi"}], f"{PODS} ValidatePersistentVolumeClaimSpec"),
    _setting("genericEphemeralVolume", [_CLAIM | {"accessModes": ["RWO"]}], f"{DRIVER}/k8s.go:44"),
    _setting("genericEphemeralVolume", [_CLAIM | {"volumeName": "my volume"}], f"{LABELS} IsDNS1123Label"),
    _setting("emptyDirMounts", [_SCRATCH | {"sizeLimit": "big"}], f"{DRIVER}/k8s.go:593"),
    _setting("emptyDirMounts", [_SCRATCH | {"sizeLimit": "-1Gi"}], f"{PODS} validateVolumeSource"),
    _setting("emptyDirMounts", [_SCRATCH | {"medium": "Disk"}], f"{PODS} validateVolumeSource"),
    _setting("emptyDirMounts", [{"mountPath": "/scratch"}], f"{PODS} ValidateVolumes"),
    _setting(
        "nodeAffinity",
        [{"matchExpressions": [{"key": "zone", "operator": "Is"}]}],
        f"{PODS} ValidateNodeSelectorRequirement",
    ),
    _setting(
        "nodeAffinity",
        [{"matchExpressions": [{"key": "zone", "operator": "In"}]}],
        f"{PODS} ValidateNodeSelectorRequirement",
    ),
    _setting(
        "nodeAffinity",
        [{"weight": 101, "matchExpressions": [{"key": "zone", "operator": "Exists"}]}],
        f"{PODS} ValidatePreferredSchedulingTerms",
    ),
    _setting("securityContext", {"runAsUser": -1}, f"{PODS} ValidateSecurityContext"),
    _setting("securityContext", {"privileged": True}, f"{COMPILER}/container.go:326"),
    _setting("hostPathMount", [], f"{COMPILER}/container.go:326"),
    Mutation(CONFIG, "pipelineConfig", {"workspace": {"kubernetes": {}}}, f"{COMPILER}/argo.go:640"),
    Mutation(CONFIG, "pipelineConfig", {"workspace": {"size": "1GB", "kubernetes": {}}}, f"{COMPILER}/argo.go:677"),
    Mutation(CONFIG, "pipelineConfig", {"workspace": {"size": "-1Gi", "kubernetes": {}}}, f"{COMPILER}/argo.go:680"),
    Mutation(
        CONFIG,
        "pipelineConfig",
        {"workspace": {"size": "1Gi", "kubernetes": {"pvcSpecPatch": {"storageClassName": ""}}}},
        f"{COMPILER}/argo.go:669",
    ),
    Mutation(
        CONFIG,
        "pipelineConfig",
        {"workspace": {"size": "1Gi", "kubernetes": {"pvcSpecPatch": {"volumeName": "x"}}}},
        f"{COMPILER}/argo.go:620",
    ),
    Mutation(CONFIG, "pipelineConfig", {"resourceTtlOnCompletion": -1}, f"{COMPILER}/argo.go:260"),
)
