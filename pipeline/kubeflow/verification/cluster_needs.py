"""What a cluster must have before a run of the pipeline can work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from pipeline.kubeflow.compilation.platform_document import STORE_ADDRESS
from pipeline.kubeflow.verification.containers import KUBEFLOWS_OWN
from pipeline.kubeflow.verification.object_names import object_name
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline

_FIELDS = {
    "secretAsVolume": ("secret", None),
    "secretAsEnv": ("secret", "secretKey"),
    "imagePullSecret": ("secret", None),
    "configMapAsVolume": ("config map", None),
    "configMapAsEnv": ("config map", "configMapKey"),
    "pvcMount": ("volume claim", None),
}
"""Fields of KubernetesExecutorConfig that name an object: its kind, and where a key of it is named in keyToEnv."""


@dataclass(frozen=True)
class Need:
    """Something that must be there."""

    kind: str  # Image, object store, secret, config map, volume claim, or device.
    name: str  # Its name; ``parameter NAME`` or ``output KEY of TASK`` where a run makes it.
    # Keys of a secret or config map, files of a volume, number of devices; where the file tells.
    details: tuple[str, ...]
    executors: tuple[str, ...]  # Labels of those who need it.
    optional: bool  # Whether the steps start without it.


@dataclass(frozen=True)
class _Use:
    kind: str
    name: str
    executor: str
    details: tuple[str, ...] = ()
    optional: bool = False


def cluster_needs(pipeline: ParsedPipeline) -> list[Need]:
    """Images, object stores, secrets, config maps, volume claims and devices, each once, by kind and name."""
    # What has no name is wrong, and other checks say so.
    named = [use for use in (*_containers(pipeline), *_objects(pipeline)) if use.name]
    uses = sorted(named, key=lambda use: (use.kind, use.name))
    return [_together(list(same)) for _, same in groupby(uses, key=lambda use: (use.kind, use.name))]


def _together(uses: list[_Use]) -> Need:
    return Need(
        kind=uses[0].kind,
        name=uses[0].name,
        details=_unique(detail for use in uses for detail in use.details),
        executors=_unique(use.executor for use in uses),
        optional=all(use.optional for use in uses),
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _containers(pipeline: ParsedPipeline) -> Iterator[_Use]:
    for label, executor in pipeline.executors.items():
        if executor.HasField("container"):
            if executor.container.image not in KUBEFLOWS_OWN:
                yield _Use("image", executor.container.image, label)
            for variable in executor.container.env:
                if variable.name == STORE_ADDRESS:
                    yield _Use("object store", variable.value, label)
            yield from _device(executor.container.resources.accelerator, label)


def _objects(pipeline: ParsedPipeline) -> Iterator[_Use]:
    for label, settings in pipeline.settings.items():
        for field, (kind, key) in _FIELDS.items():
            for entry in _mappings(settings.get(field)):
                keys = _mounted(entry, pipeline) if key is None else _read(entry, key)
                name = object_name(entry, kind)
                yield _Use(kind, name.text if name else "", label, tuple(keys), entry.get("optional") is True)


def _device(accelerator: Any, label: str) -> Iterator[_Use]:
    """A resource beside processors and memory; newer SDKs give type and number as text, which may be a placeholder."""
    kind = getattr(accelerator, "resource_type", "") or accelerator.type
    count = getattr(accelerator, "resource_count", "") or accelerator.count
    if kind and count:
        yield _Use("device", kind, label, (str(count),))


def _read(entry: Mapping[str, Any], key: str) -> Iterator[str]:
    """Keys that become environment variables."""
    return (str(pair[key]) for pair in _mappings(entry.get("keyToEnv")) if key in pair)


def _mounted(entry: Mapping[str, Any], pipeline: ParsedPipeline) -> Iterator[str]:
    """What parameters of the pipeline name as files in the folder where an object is mounted."""
    for parameter in pipeline.spec.root.input_definitions.parameters.values():
        path = PurePosixPath(parameter.default_value.string_value)
        if path.name and str(path.parent) == entry.get("mountPath"):
            yield path.name


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
