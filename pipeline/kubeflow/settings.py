"""The section `kubeflow` of a project: where its steps run, and what of the cluster each may use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    model_validator,
)

ALL_STEPS: Final = "all"

# Kubernetes: DNS subdomain names (RFC 1123) of objects; keys of labels and of device-plugin resources.
_OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
_QUALIFIED_NAME = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
_PIPELINE_ROOT = r"^(minio|s3|gs)://[^/\s]+(/[^\s]*)?$"

ObjectName = Annotated[str, StringConstraints(pattern=_OBJECT_NAME, max_length=253)]
QualifiedName = Annotated[str, StringConstraints(pattern=_QUALIFIED_NAME, max_length=317)]
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\s]*$")]
PipelineRoot = Annotated[str, StringConstraints(pattern=_PIPELINE_ROOT), AfterValidator(lambda root: root.rstrip("/"))]

# A tag or a digest, after the last slash: a registry's port has a colon too.
_TAGGED = re.compile(
    r"^[^\s]*?[^/\s:@]+(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?P<digest>@sha256:[0-9a-f]{64})?$"
)


def _pinned(image: str) -> str:
    match = _TAGGED.match(image)
    if match is None or not (match["tag"] or match["digest"]):
        raise ValueError("an image needs a tag or a digest, e.g. registry.example.com/tinyops/pipeline:1.0.0")
    if match["tag"] == "latest" and not match["digest"]:
        raise ValueError("the tag `latest` names another image tomorrow: give a version or a digest")
    return image


Image = Annotated[str, AfterValidator(_pinned)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ObjectKey(_Section):
    """A file in a Secret or ConfigMap.

    Attributes:
        name: of the Secret or ConfigMap.
        key: the entry that is the file.
    """

    name: ObjectName
    key: str


class ReleaseLineSection(_Section):
    """What TFLMPusher alone gets.

    Attributes:
        inventory: ConfigMap with the boards.
        signing_key: Secret with the ed25519 private key.
        claim: PersistentVolumeClaim for the release store and the journal.
        labels: of its pod; the device gateway's NetworkPolicy lets pods with these labels through.
    """

    inventory: ObjectKey = ObjectKey(name="device-inventory", key="boards.yaml")
    signing_key: ObjectKey = ObjectKey(name="release-key", key="signing-key.pem")
    claim: ObjectName = "release-line"
    labels: dict[QualifiedName, str] = {"tinyops.dev/role": "pusher"}


class ObjectStoreSection(_Section):
    """How steps that look into the object store themselves reach it: SensorExampleGen and LatestBlessedModel.

    Attributes:
        endpoint: of a store that speaks S3; None for AWS's own, and for `gs://`.
        secret: Secret with the keys; None where the pod's service account is enough.
        access_key: its entry with the access key.
        secret_key: its entry with the secret key.
    """

    endpoint: str | None = "http://minio-service.kubeflow:9000"
    secret: ObjectName | None = "mlpipeline-minio-artifact"
    access_key: str = "accesskey"
    secret_key: str = "secretkey"


class SecretSection(_Section):
    """A Secret that steps may name: as files, as environment variables, or both.

    Attributes:
        mount: folder with a file for each entry.
        environment: variable name to entry.
    """

    mount: AbsolutePath | None = None
    environment: dict[EnvironmentName, str] = {}

    @model_validator(mode="after")
    def _used(self) -> SecretSection:
        if self.mount is None and not self.environment:
            raise ValueError("say where a step finds it: mount, environment, or both")
        return self


class MountSection(_Section):
    """A ConfigMap or PersistentVolumeClaim that steps may name.

    Attributes:
        mount: folder where it appears.
    """

    mount: AbsolutePath


class Toleration(_Section):
    """Kubernetes' v1.Toleration."""

    key: QualifiedName | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    seconds: NonNegativeInt | None = None


class Device(_Section):
    """A device-plugin resource, such as ``nvidia.com/gpu``."""

    resource: QualifiedName
    count: PositiveInt = 1


class StepSection(_Section):
    """What a step asks of the cluster. Lists and mappings of `all` and of the step itself are joined.

    Attributes:
        cpu: limit, in cores.
        memory_gb: limit, in GB (10**9 bytes).
        device: a device-plugin resource.
        node_selector: labels of the nodes it may run on.
        tolerations: taints it tolerates.
        labels: of its pod.
        environment: variables.
        secrets: names out of `kubeflow.secrets`.
        config_maps: names out of `kubeflow.config_maps`.
        volumes: names out of `kubeflow.volumes`.
    """

    cpu: PositiveFloat | None = None
    memory_gb: PositiveFloat | None = None
    device: Device | None = None
    node_selector: dict[QualifiedName, str] = {}
    tolerations: list[Toleration] = []
    labels: dict[QualifiedName, str] = {}
    environment: dict[EnvironmentName, str] = {}
    secrets: list[ObjectName] = []
    config_maps: list[ObjectName] = []
    volumes: list[ObjectName] = []

    def over(self, base: StepSection) -> StepSection:
        """These settings on top of those of all steps."""
        return StepSection(
            cpu=self.cpu or base.cpu,
            memory_gb=self.memory_gb or base.memory_gb,
            device=self.device or base.device,
            node_selector={**base.node_selector, **self.node_selector},
            tolerations=_joined(base.tolerations, self.tolerations),
            labels={**base.labels, **self.labels},
            environment={**base.environment, **self.environment},
            secrets=_joined(base.secrets, self.secrets),
            config_maps=_joined(base.config_maps, self.config_maps),
            volumes=_joined(base.volumes, self.volumes),
        )


def _joined(first: list[object], second: list[object]) -> list[object]:
    return [*first, *(item for item in second if item not in first)]


class KubeflowSection(_Section):
    """Where and how the pipeline's steps run on Kubeflow.

    Attributes:
        image: of every step, with a tag or a digest; kubernetes/images has its Containerfile.
        pipeline_root: where artifacts go, ``minio://``, ``s3://`` or ``gs://``.
        project_folder: where the image has the folder of this config.
        data_file: the `.npz` file as a step sees it: a path in the image or on a volume, or a URI; None for the
            data source of this config in the project's folder.
        release_line: what TFLMPusher gets.
        object_store: how steps that list the pipeline root reach it.
        secrets: those that steps may name.
        config_maps: those that steps may name.
        volumes: PersistentVolumeClaims that steps may name.
        steps: settings by component, and for `all`.
    """

    image: Image
    pipeline_root: PipelineRoot
    project_folder: AbsolutePath = "/opt/project"
    data_file: str | None = None
    release_line: ReleaseLineSection = ReleaseLineSection()
    object_store: ObjectStoreSection = ObjectStoreSection()
    secrets: dict[ObjectName, SecretSection] = {}
    config_maps: dict[ObjectName, MountSection] = {}
    volumes: dict[ObjectName, MountSection] = {}
    steps: dict[str, StepSection] = {}

    @model_validator(mode="after")
    def _known(self) -> KubeflowSection:
        for step, settings in self.steps.items():
            _require_known(step, "secrets", settings.secrets, self.secrets)
            _require_known(step, "config_maps", settings.config_maps, self.config_maps)
            _require_known(step, "volumes", settings.volumes, self.volumes)
        return self

    def step(self, name: str) -> StepSection:
        """What a step asks for, with what all ask for."""
        nothing = StepSection()
        return self.steps.get(name, nothing).over(self.steps.get(ALL_STEPS, nothing))


def _require_known(step: str, kind: str, names: Iterable[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise ValueError(f"steps.{step}.{kind} names {name!r}, which kubeflow.{kind} does not have; there: {there}")
