"""Images, and what the launcher starts in them: commands, environment, limits.

Sources: kubeflow/pipelines, backend/src/v2/driver/driver.go, initPodSpecPatch, and
backend/src/v2/component/launcher_v2.go, NewLauncherV2; kubernetes/kubernetes,
pkg/apis/core/validation/validation.go, validateContainer. docs/verify.md has the lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline
from pipeline.kubeflow.verification.quantities import as_go_prints, quantity
from pipeline.project.kubeflow_settings import QualifiedName, VariableName

if TYPE_CHECKING:
    from kfp.pipeline_spec import pipeline_spec_pb2 as pb

KUBEFLOWS_OWN: Final = frozenset({"argostub/createpvc", "argostub/deletepvc"})
"""Images that are never pulled: the driver makes or deletes a volume claim instead (driver/k8s.go, dummyImages)."""

_PLACEHOLDER: Final = "{{$."
_VARIABLE = TypeAdapter[str](VariableName)
_RESOURCE = TypeAdapter[str](QualifiedName)


def check_containers(pipeline: ParsedPipeline) -> Check:
    """Image, command, environment and limits of every container."""
    findings = [
        finding
        for label, executor in sorted(pipeline.executors.items())
        if executor.HasField("container")
        for finding in _container(executor.container, f"deploymentSpec.executors.{label}.container")
    ]
    return Check("containers", tuple(findings), remedy="correct `kubeflow:` in tinyops.yaml and compile again")


def _container(container: pb.PipelineDeploymentConfig.PipelineContainerSpec, place: str) -> Iterator[Finding]:
    if not container.image.strip() or container.image != container.image.strip():
        yield Finding(f"{place}.image", f"{container.image!r} is no image")
    if not (container.command or container.args or container.image in KUBEFLOWS_OWN):
        # The launcher takes the place of the image's entrypoint, and starts what follows it.
        yield Finding(f"{place}.command", "is missing; Kubeflow's launcher does not start the image's own entrypoint")
    for number, variable in enumerate(container.env):
        yield from _asked(_VARIABLE, variable.name, f"{place}.env[{number}].name", "an environment variable")
    yield from _resources(container.resources, f"{place}.resources")


def _resources(resources: Any, place: str) -> Iterator[Finding]:
    for kind, unit in (("cpu", ""), ("memory", "G")):
        amounts = dict[str, Decimal]()
        for what in ("limit", "request"):
            field, text = _amount(resources, f"{kind}_{what}", unit)
            if text and _PLACEHOLDER not in text:
                try:
                    amounts[what] = quantity(text)
                except ValueError as error:
                    yield Finding(f"{place}.{field}", f"{text!r} {error}")
        if amounts.get("request", 0) > amounts.get("limit", float("inf")):
            yield Finding(f"{place}.{field}", f"{text!r} is more than the limit")
    yield from _accelerator(resources.accelerator, f"{place}.accelerator")


def _amount(resources: Any, name: str, unit: str) -> tuple[str, str]:
    """JSON name of the field that the driver reads, and the quantity that it makes of it; empty for none."""
    old, new = _json_name(resources, name), f"resource_{name}"
    if getattr(resources, new, ""):
        return _json_name(resources, new), getattr(resources, new)
    number = getattr(resources, name)
    return old, f"{as_go_prints(number)}{unit}" if number else ""


def _accelerator(accelerator: Any, place: str) -> Iterator[Finding]:
    kind = getattr(accelerator, "resource_type", "") or accelerator.type
    count = getattr(accelerator, "resource_count", "") or str(accelerator.count)
    if kind and _PLACEHOLDER not in kind:
        yield from _asked(_RESOURCE, kind, f"{place}.type", "a resource")
    if kind and _PLACEHOLDER not in count:
        try:
            if quantity(count) % 1:
                yield Finding(f"{place}.count", f"{count!r} is no whole number, which devices are counted in")
        except ValueError as error:
            yield Finding(f"{place}.count", f"{count!r} {error}")


def _json_name(message: Any, field: str) -> str:
    return str(message.DESCRIPTOR.fields_by_name[field].json_name)


def _asked(kind: TypeAdapter[str], text: str, place: str, what: str) -> Iterator[Finding]:
    try:
        kind.validate_python(text)
    except ValidationError:
        yield Finding(place, f"{text!r} is no name that Kubernetes takes for {what}")
