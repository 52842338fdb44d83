"""What the driver and Kubernetes refuse in the Kubernetes settings of an executor.

Sources: kubeflow/pipelines, backend/src/v2/driver/k8s.go, extendPodSpecPatch; kubernetes/kubernetes,
pkg/apis/core/validation/validation.go, ValidatePodSpec. docs/verify.md has the lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from pipeline.kubeflow.verification.findings import Finding
from pipeline.kubeflow.verification.object_names import object_name
from pipeline.kubeflow.verification.quantities import quantity
from pipeline.project import kubeflow_settings as kubernetes

_GREATEST = 2**31 - 1
_VOLUMES = {
    "secretAsVolume": "secret",
    "configMapAsVolume": "config map",
    "pvcMount": "volume claim",
    "genericEphemeralVolume": None,
    "emptyDirMounts": None,
}
"""Fields that become volumes; Kubeflow names a volume like the object in it, or as the field says."""

_NAMED = {
    **{field: kind for field, kind in _VOLUMES.items() if kind is not None},
    "secretAsEnv": "secret",
    "imagePullSecret": "secret",
    "configMapAsEnv": "config map",
}
_OBJECT_NAME = TypeAdapter[str](kubernetes.ObjectName)
_VOLUME_NAME = TypeAdapter[str](kubernetes.VolumeName)


def _is_quantity(text: str) -> str:
    quantity(text)
    return text


def _is_size(text: str) -> str:
    if not quantity(text):
        raise ValueError("is nothing, and a volume needs a size")
    return text


_Size = Annotated[str, AfterValidator(_is_size)]
_FIELD_PATH = (
    r"^(metadata\.(name|namespace|uid)|metadata\.(labels|annotations)(\['[^']+'\])?|spec\.(nodeName|serviceAccountName)"
    r"|status\.(hostIPs?|podIPs?))$"
)


class _Part(BaseModel):
    """Part of KubernetesExecutorConfig, in the names of its JSON; fields without a rule are left out."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class _Variable(_Part):
    env_var: kubernetes.VariableName = Field(validate_default=True, default="")
    secret_key: kubernetes.Key | None = None
    config_map_key: kubernetes.Key | None = None

    @model_validator(mode="after")
    def _has_key(self) -> _Variable:
        if self.secret_key is None and self.config_map_key is None:
            raise ValueError("names no key")
        return self


class _Environment(_Part):
    key_to_env: list[_Variable] = []


class _Mount(_Part):
    mount_path: kubernetes.MountPath = Field(validate_default=True, default="")


class _NamedMount(_Mount):
    volume_name: kubernetes.VolumeName = Field(validate_default=True, default="")


class _EphemeralVolume(_NamedMount):
    access_modes: list[Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]] = Field(
        validate_default=True, default=[], min_length=1
    )
    size: _Size = Field(validate_default=True, default="")


class _EmptyFolder(_NamedMount):
    medium: str = Field(default="", pattern=r"^(Memory|HugePages(-.+)?)?$")
    size_limit: Annotated[str, AfterValidator(_is_quantity)] | None = None


class _NodeSelector(_Part):
    labels: dict[kubernetes.QualifiedName, kubernetes.LabelValue] = {}


class _PodMetadata(_Part):
    labels: dict[kubernetes.QualifiedName, kubernetes.LabelValue] = {}
    annotations: dict[kubernetes.QualifiedName, str] = {}


class _FieldPath(_Part):
    name: kubernetes.VariableName = Field(validate_default=True, default="")
    field_path: str = Field(validate_default=True, default="", pattern=_FIELD_PATH)


class _Toleration(_Part):
    key: kubernetes.QualifiedName | None = None
    operator: Literal["", "Exists", "Equal"] = ""
    value: kubernetes.LabelValue = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: int | None = None
    toleration_json: Any = None

    @model_validator(mode="after")
    def _makes_sense(self) -> _Toleration:
        if self.toleration_json is None and not self.key and self.operator != "Exists":
            raise ValueError("has no key, and only the operator Exists needs none")
        if self.operator == "Exists" and self.value:
            raise ValueError("has a value, which the operator Exists does not take")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError("has tolerationSeconds, which only the effect NoExecute takes")
        return self


class _Requirement(_Part):
    key: str = Field(validate_default=True, default="", min_length=1)
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(validate_default=True, default="")
    values: list[str] = []

    @model_validator(mode="after")
    def _has_values(self) -> _Requirement:
        wanted = {"Exists": 0, "DoesNotExist": 0, "Gt": 1, "Lt": 1}.get(self.operator)
        if wanted is not None and len(self.values) != wanted:
            raise ValueError(f"has {len(self.values)} values, and {self.operator} takes {wanted}")
        if wanted is None and not self.values:
            raise ValueError(f"has no values, and {self.operator} takes at least one")
        return self


class _LabelRequirement(_Requirement):
    key: kubernetes.QualifiedName = Field(validate_default=True, default="")


class _FieldRequirement(_Requirement):
    key: Literal["metadata.name"] = Field(validate_default=True, default="")
    operator: Literal["In", "NotIn"] = Field(validate_default=True, default="")
    values: list[str] = Field(validate_default=True, default=[], min_length=1, max_length=1)


class _NodeAffinity(_Part):
    match_expressions: list[_LabelRequirement] = []
    match_fields: list[_FieldRequirement] = []
    weight: int | None = Field(default=None, ge=1, le=100)


class _SecurityContext(_Part):
    run_as_user: int | None = Field(default=None, ge=0, le=_GREATEST)
    run_as_group: int | None = Field(default=None, ge=0, le=_GREATEST)


class _Settings(_Part):
    """KubernetesExecutorConfig."""

    secret_as_volume: list[_Mount] = []
    secret_as_env: list[_Environment] = []
    pvc_mount: list[_Mount] = []
    node_selector: _NodeSelector = _NodeSelector()
    pod_metadata: _PodMetadata = _PodMetadata()
    image_pull_policy: Literal["", "Always", "Never", "IfNotPresent"] = ""
    config_map_as_volume: list[_Mount] = []
    config_map_as_env: list[_Environment] = []
    active_deadline_seconds: int = Field(default=0, ge=0, le=_GREATEST)
    field_path_as_env: list[_FieldPath] = []
    tolerations: list[_Toleration] = []
    generic_ephemeral_volume: list[_EphemeralVolume] = []
    node_affinity: list[_NodeAffinity] = []
    empty_dir_mounts: list[_EmptyFolder] = []
    security_context: _SecurityContext = _SecurityContext()


def refused_settings(settings: Mapping[str, Any], place: str) -> Iterator[Finding]:
    """What is refused in the settings of one executor.

    Args:
        settings: KubernetesExecutorConfig as JSON.
        place: keys that lead there.
    """
    try:
        _Settings.model_validate(settings)
    except ValidationError as error:
        yield from _fields(error, place)
    yield from _names(settings, place)
    yield from _volumes(settings, place)


def _fields(error: ValidationError, place: str) -> Iterator[Finding]:
    for one in error.errors(include_url=False):
        keys = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in one["loc"] if key != "[key]")
        yield Finding(place + keys, _why(one))


def _why(error: Mapping[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error["input"]
    return message if isinstance(given, dict) else f"{given!r}: {message[0].lower()}{message[1:]}"


def _entries(settings: Mapping[str, Any], field: str, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Place and contents of each item of a list; what is no list, or no mapping in it, is named elsewhere."""
    items = settings.get(field)
    for number, entry in enumerate(items if isinstance(items, list) else []):
        if isinstance(entry, dict):
            yield f"{place}.{field}[{number}]", entry


def _names(settings: Mapping[str, Any], place: str) -> Iterator[Finding]:
    for field, kind in _NAMED.items():
        for here, entry in _entries(settings, field, place):
            name = object_name(entry, kind)
            if name is None:
                yield Finding(here, f"names no {kind}")
            elif name.is_known:
                yield from _name(name.text, here, of_volume=field in _VOLUMES)


def _name(name: str, place: str, *, of_volume: bool) -> Iterator[Finding]:
    try:
        (_VOLUME_NAME if of_volume else _OBJECT_NAME).validate_python(name)
    except ValidationError:
        kind = "volume, which Kubeflow names like what it holds" if of_volume else "object"
        yield Finding(place, f"{name!r} is no name that Kubernetes takes for a {kind}")


def _volumes(settings: Mapping[str, Any], place: str) -> Iterator[Finding]:
    """Driver and Argo merge volumes of one name, and mounts at one path, into one (Kubernetes' strategic merge)."""
    holders, paths = dict[str, str](), dict[str, str]()
    for field, kind in _VOLUMES.items():
        for here, entry in _entries(settings, field, place):
            held = object_name(entry, kind) if kind else None
            name = held.text if held else str(entry.get("volumeName", here))
            other = holders.setdefault(name, field)
            if other != field:
                yield Finding(here, f"gives the volume the name {name!r}, which one of {other} has too")
            path = str(entry.get("mountPath", here))
            if paths.setdefault(path, here) != here:
                yield Finding(here, f"is mounted at {path}, as {paths[path].removeprefix(place + '.')} is")
