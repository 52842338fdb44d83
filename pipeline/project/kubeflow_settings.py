"""The section `kubeflow` of a project: where its steps run, and what of the cluster each may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from pipeline.project.step_names import PUSHER

ALL_STEPS: Final = "all"

SHARED_MEMORY: Final = "/dev/shm"
SHARED_MEMORY_VOLUME: Final = "shared-memory"

INVENTORY_FOLDER: Final = "/etc/tinyops/inventory"
SIGNING_KEY_FOLDER: Final = "/etc/tinyops/signing-key"
RELEASE_LINE_FOLDER: Final = "/var/lib/tinyops"

PIPELINE_ROOT: Final = r"^(minio|s3|gs)://[^/\s?*\[]+(/[^\s?*\[]*)?$"
"""No wildcards: a step looks for models below it; no query, which only some of those that read it understand."""

# Kubernetes' own rules (k8s.io/apimachinery/pkg/util/validation): DNS labels and subdomains (RFC 1123), keys of labels
# and of device-plugin resources, values of labels, keys of Secrets and ConfigMaps.
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_NAME_PART = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_VOLUME_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_KEY = r"^\.?[A-Za-z0-9_-][A-Za-z0-9._-]*$"
# Of a step's pod: an absolute path, or a file in an object store.
_DATA_FILE = r"^(/|(minio|s3|gs)://[^/\s]+/)(.*[^/\s])$"

ObjectName = Annotated[str, StringConstraints(pattern=rf"^{_SUBDOMAIN}$", max_length=253)]
VolumeName = Annotated[str, StringConstraints(pattern=_VOLUME_NAME)]
QualifiedName = Annotated[str, StringConstraints(pattern=rf"^({_SUBDOMAIN}/)?{_NAME_PART}$", max_length=317)]
LabelValue = Annotated[str, StringConstraints(pattern=rf"^({_NAME_PART})?$")]
Key = Annotated[str, StringConstraints(pattern=_KEY, max_length=253)]
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
# What Kubernetes before 1.32 takes as the name of an environment variable.
VariableName = Annotated[str, StringConstraints(pattern=r"^[-._A-Za-z][-._A-Za-z0-9]*$")]
# Kubernetes takes no colon in a mount path.
Folder = Annotated[
    str, StringConstraints(pattern=r"^(/[^/\s:]+)+/?$"), AfterValidator(lambda folder: folder.rstrip("/"))
]
MountPath = Annotated[str, StringConstraints(pattern=r"^[^:]+$")]
DataFile = Annotated[str, StringConstraints(pattern=_DATA_FILE)]
PipelineRoot = Annotated[str, StringConstraints(pattern=PIPELINE_ROOT), AfterValidator(lambda root: root.rstrip("/"))]
Endpoint = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+/?$")]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# Kubernetes and Kubeflow count them in 32 bits.
Seconds = Annotated[int, Field(gt=0, lt=2**31)]

# https://pkg.go.dev/github.com/distribution/reference: the grammar of references, with the one digest that is used.
_DOMAIN_PART = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PATH_PART}(?:/{_PATH_PART})*"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?"
)


def _pinned(image: str) -> str:
    match = _REFERENCE.fullmatch(image)
    if match is None:
        raise ValueError("an image is [HOST[:PORT]/]NAME:TAG or [HOST[:PORT]/]NAME@sha256:DIGEST, NAME in lower case")
    if not (match["tag"] or match["digest"]):
        raise ValueError("an image needs a tag or a digest, e.g. registry.example.com/tinyops/pipeline:1.0.0")
    if match["tag"] == "latest" and not match["digest"]:
        raise ValueError("the tag `latest` names another image tomorrow: give a version or a digest")
    return image


Image = Annotated[str, AfterValidator(_pinned)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectKey(_Section):
    """A file in a Secret or ConfigMap."""

    name: VolumeName
    key: Key


class ReleaseLineSection(_Section):
    """What TFLMPusher alone gets."""

    inventory: ObjectKey = ObjectKey(name="device-inventory", key="boards.yaml")  # ConfigMap with the boards.
    # Secret with the ed25519 private key.
    signing_key: ObjectKey = ObjectKey(name="release-key", key="signing-key.pem")
    claim: VolumeName = "release-line"  # PersistentVolumeClaim for the release store and the journal.
    # Of its pod; the device gateway's NetworkPolicy lets pods with these labels through.
    labels: dict[QualifiedName, LabelValue] = {"tinyops.dev/role": "pusher"}


class ObjectStoreSection(_Section):
    """How steps that open the object store themselves reach it."""

    endpoint: Endpoint | None  # Of a store that speaks S3; None for AWS's own, and for `gs://`.
    secret: ObjectName | None  # Secret with the keys; None where the pod's service account is enough.
    access_key: Key = "accesskey"  # Its entry with the access key.
    secret_key: Key = "secretkey"  # Its entry with the secret key.


KUBEFLOWS_STORE: Final = ObjectStoreSection(
    endpoint="http://seaweedfs.kubeflow:9000", secret="mlpipeline-minio-artifact"
)
"""Of Kubeflow Pipelines from 2.16 (manifests/kustomize/third-party/seaweedfs of kubeflow/pipelines)."""


class SecretSection(_Section):
    """A Secret that steps may name: as files, as environment variables, or both."""

    mount: Folder | None = None
    environment: dict[EnvironmentName, Key] = {}

    @model_validator(mode="after")
    def _used(self) -> SecretSection:
        if self.mount is None and not self.environment:
            raise ValueError("say where a step finds it: mount, environment, or both")
        return self


class MountSection(_Section):
    """A ConfigMap or PersistentVolumeClaim that steps may name."""

    mount: Folder  # Folder where it appears.


class Mount(NamedTuple):
    """A volume of a step's pod; Kubeflow gives it the name of what it holds."""

    kind: Literal["Secret", "ConfigMap", "PersistentVolumeClaim", "volume"]  # Of what it holds; a volume has no object.
    name: str  # Of what it holds.
    folder: str  # Where it appears.


class Toleration(_Section):
    """Kubernetes' v1.Toleration."""

    key: QualifiedName | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Toleration:
        if self.operator == "Equal" and self.key is None:
            raise ValueError("Equal needs a key; without one, the operator is Exists")
        if self.operator == "Exists" and self.value is not None:
            raise ValueError("Exists takes no value")
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError("seconds are for the effect NoExecute only")
        return self


class Device(_Section):
    """A device-plugin resource, such as ``nvidia.com/gpu``."""

    resource: QualifiedName
    count: PositiveInt = 1


class NodeRequirement(_Section):
    """What a label of a node must be: Kubernetes' v1.NodeSelectorRequirement."""

    key: QualifiedName
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: list[LabelValue] = []

    @model_validator(mode="after")
    def _makes_sense(self) -> NodeRequirement:
        """As ValidateNodeSelectorRequirement of k8s.io/kubernetes, pkg/apis/core/validation."""
        if self.operator in ("In", "NotIn") and not self.values:
            raise ValueError(f"{self.operator} needs values")
        if self.operator in ("Exists", "DoesNotExist") and self.values:
            raise ValueError(f"{self.operator} takes no values")
        if self.operator in ("Gt", "Lt") and not (len(self.values) == 1 and self.values[0].isdecimal()):
            raise ValueError(f"{self.operator} takes one value, a whole number")
        return self


class NodeTerm(_Section):
    """Nodes of which all requirements hold."""

    match: Annotated[list[NodeRequirement], Field(min_length=1)]
    # How much such a node is preferred; None where the step runs on nodes of one of these terms and on no others.
    weight: Annotated[int, Field(ge=1, le=100)] | None = None


class RetrySection(_Section):
    """How often, and when, a step is tried again that failed."""

    limit: Annotated[int, Field(gt=0, le=100)]  # Tries after the first.
    backoff_s: Annotated[int, Field(ge=0, lt=2**31)] = 60  # Wait before the first of them.
    # Each wait is as many times the one before. Argo Workflows takes no fraction (workflow/controller/operator.go).
    factor: Annotated[int, Field(gt=0, le=100)] = 2
    # From the start of the first try on; what then still runs is ended, unless it is the first.
    within_s: Seconds = 3600

    @model_validator(mode="after")
    def _makes_sense(self) -> RetrySection:
        waits = sum(self.backoff_s * self.factor**number for number in range(self.limit))
        if waits >= self.within_s:
            raise ValueError(
                f"the waits before {self.limit} more tries come to {waits} s, and within_s is {self.within_s}: the last"
                " would never be made"
            )
        return self


class StepSection(_Section):
    """What a step asks of the cluster.

    Lists and mappings of `all` and of the step itself are joined, except `node_affinity`: its terms are alternatives.
    """

    cpu: Amount | None = None  # Limit, in cores.
    memory_gb: Amount | None = None  # Limit, in GB (10**9 bytes).
    cpu_request: Amount | None = None  # What a node must have free, in cores; None for the limit.
    memory_request_gb: Amount | None = None  # What a node must have free, in GB; None for the limit.
    # Most that `/dev/shm` may hold, in GB, to the MB; it counts as memory.
    shared_memory_gb: Annotated[float, Field(ge=0.001, allow_inf_nan=False)] | None = None
    device: Device | None = None  # A device-plugin resource.
    node_selector: dict[QualifiedName, LabelValue] = {}  # Labels of the nodes it may run on.
    node_affinity: list[NodeTerm] = []  # Nodes it may run on, or does so rather than on others.
    tolerations: list[Toleration] = []  # Taints it tolerates.
    labels: dict[QualifiedName, LabelValue] = {}  # Of its pod.
    annotations: dict[QualifiedName, str] = {}  # Of its pod.
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None  # None for Kubernetes' own.
    image_pull_secrets: list[ObjectName] = []  # Secrets with the registry's password.
    timeout_s: Seconds | None = None  # Longest life of its pod, each time it is tried.
    retries: RetrySection | None = None  # None for no second try.
    environment: dict[EnvironmentName, str] = {}  # Variables.
    secrets: list[ObjectName] = []  # Names out of `kubeflow.secrets`.
    config_maps: list[ObjectName] = []  # Names out of `kubeflow.config_maps`.
    volumes: list[ObjectName] = []  # Names out of `kubeflow.volumes`.

    def over(self, base: StepSection) -> StepSection:
        """These settings on top of those of all steps."""
        return StepSection(
            cpu=self.cpu or base.cpu,
            memory_gb=self.memory_gb or base.memory_gb,
            cpu_request=self.cpu_request or base.cpu_request,
            memory_request_gb=self.memory_request_gb or base.memory_request_gb,
            shared_memory_gb=self.shared_memory_gb or base.shared_memory_gb,
            device=self.device or base.device,
            node_selector={**base.node_selector, **self.node_selector},
            node_affinity=self.node_affinity or base.node_affinity,
            tolerations=_joined(base.tolerations, self.tolerations),
            labels={**base.labels, **self.labels},
            annotations={**base.annotations, **self.annotations},
            image_pull_policy=self.image_pull_policy or base.image_pull_policy,
            image_pull_secrets=_joined(base.image_pull_secrets, self.image_pull_secrets),
            timeout_s=self.timeout_s or base.timeout_s,
            retries=self.retries or base.retries,
            environment={**base.environment, **self.environment},
            secrets=_joined(base.secrets, self.secrets),
            config_maps=_joined(base.config_maps, self.config_maps),
            volumes=_joined(base.volumes, self.volumes),
        )


_Item = TypeVar("_Item")


def _joined(first: list[_Item], second: list[_Item]) -> list[_Item]:
    return [*first, *(item for item in second if item not in first)]


class TtlSection(_Section):
    """How long Kubeflow keeps the Workflow of a run that has ended, and its pods with their logs.

    Argo Workflows' ttlStrategy. Back ends before 2.17 do not know it, and pass over the whole platform document without
    a word (kubeflow/pipelines at 2.16.0, backend/src/apiserver/template/v2_template.go, 416).
    """

    seconds_after_completion: Seconds | None = None
    seconds_after_success: Seconds | None = None  # Before the first, of runs that succeeded.
    seconds_after_failure: Seconds | None = None  # Before the first, of runs that failed.


class KubeflowSection(_Section):
    """Where and how the pipeline's steps run on Kubeflow."""

    image: Image  # Of every step, with a tag or a digest; kubernetes/images has its Containerfile.
    pipeline_root: PipelineRoot  # Where artifacts go, ``minio://``, ``s3://`` or ``gs://``.
    project_folder: Folder = "/opt/project"  # Where the image has the folder of this config.
    # The `.npz` file as a step sees it: a path in the image or on a volume, or a URI; None for the data source of this
    # config in the project's folder.
    data_file: DataFile | None = None
    release_line: ReleaseLineSection = ReleaseLineSection()  # What TFLMPusher gets.
    # How steps that open the pipeline root or the data file themselves reach it; None for Kubeflow's own store where
    # the URI is ``minio://``, and for what the pod has by itself elsewhere.
    object_store: ObjectStoreSection | None = None
    secrets: dict[ObjectName, SecretSection] = {}  # Those that steps may name.
    config_maps: dict[VolumeName, MountSection] = {}  # Those that steps may name.
    volumes: dict[VolumeName, MountSection] = {}  # PersistentVolumeClaims that steps may name.
    steps: dict[str, StepSection] = {}  # Settings by component, and for `all`.
    ttl: TtlSection = TtlSection()  # From Kubeflow Pipelines 2.17 on.

    @model_validator(mode="after")
    def _known(self) -> KubeflowSection:
        for step, settings in self.steps.items():
            _require_known(step, "secrets", settings.secrets, self.secrets)
            _require_known(step, "config_maps", settings.config_maps, self.config_maps)
            _require_known(step, "volumes", settings.volumes, self.volumes)
        return self

    @model_validator(mode="after")
    def _mountable(self) -> KubeflowSection:
        for name, secret in self.secrets.items():
            if secret.mount is not None and not re.fullmatch(_VOLUME_NAME, name):
                raise ValueError(
                    f"secrets.{name} cannot be mounted: Kubeflow names the volume like the Secret, and Kubernetes takes"
                    " 63 small letters, digits and hyphens at most"
                )
        for step in sorted({ALL_STEPS, PUSHER, *self.steps}):
            _require_distinct(step, self.mounts(step))
        return self

    @model_validator(mode="after")
    def _schedulable(self) -> KubeflowSection:
        for name in self.steps:
            step = self.step(name)
            _require_within(name, "cpu_request", step.cpu_request, "cpu", step.cpu)
            _require_within(name, "memory_request_gb", step.memory_request_gb, "memory_gb", step.memory_gb)
        return self

    def step(self, name: str) -> StepSection:
        """What a step asks for, with what all ask for."""
        nothing = StepSection()
        return self.steps.get(name, nothing).over(self.steps.get(ALL_STEPS, nothing))

    def mounts(self, name: str) -> list[Mount]:
        """Volumes of a step's pod."""
        step, line = self.step(name), self.release_line
        secrets = [(secret, self.secrets[secret].mount) for secret in step.secrets]
        mounts = [
            *(Mount("Secret", secret, folder) for secret, folder in secrets if folder is not None),
            *(Mount("ConfigMap", config_map, self.config_maps[config_map].mount) for config_map in step.config_maps),
            *(Mount("PersistentVolumeClaim", claim, self.volumes[claim].mount) for claim in step.volumes),
        ]
        if step.shared_memory_gb is not None:
            mounts.append(Mount("volume", SHARED_MEMORY_VOLUME, SHARED_MEMORY))
        if name == PUSHER:
            mounts += [
                Mount("Secret", line.signing_key.name, SIGNING_KEY_FOLDER),
                Mount("ConfigMap", line.inventory.name, INVENTORY_FOLDER),
                Mount("PersistentVolumeClaim", line.claim, RELEASE_LINE_FOLDER),
            ]
        return mounts


def _require_known(step: str, kind: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise ValueError(f"steps.{step}.{kind} names {name!r}, which kubeflow.{kind} does not have; there: {there}")


def _require_within(step: str, request: str, asked: float | None, limit: str, most: float | None) -> None:
    """Kubernetes refuses a container that requests more than its limit."""
    if asked is not None and most is not None and asked > most:
        raise ValueError(f"steps.{step}.{request} is {asked:g}, which is more than its limit {limit}, {most:g}")


def _require_distinct(step: str, mounts: list[Mount]) -> None:
    """Kubernetes refuses a pod with two volumes of one name, or two mounts at one path."""
    for number, mount in enumerate(mounts):
        for other in mounts[:number]:
            if other.name == mount.name:
                raise ValueError(
                    f"step {step} mounts {other.kind} {mount.name} at {other.folder} and {mount.kind} {mount.name} at"
                    f" {mount.folder}: Kubeflow names volumes like what they hold, so one of them needs another name"
                )
            if other.folder == mount.folder:
                raise ValueError(
                    f"step {step} mounts {other.kind} {other.name} and {mount.kind} {mount.name} at {mount.folder}:"
                    " one of them needs another path"
                )
