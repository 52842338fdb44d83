"""Kubernetes settings of executors: fields that the message has, and values that driver and Kubernetes take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.kubernetes_rules import refused_settings
from pipeline.kubeflow.verification.parsed_pipeline import Dag, ParsedPipeline, settings_place

KUBERNETES_SETTINGS = "Kubernetes settings"


def check_kubernetes_settings(pipeline: ParsedPipeline, misfits: tuple[Finding, ...]) -> Check:
    """Every field and value of every executor's settings."""
    findings = list(misfits)
    for label, settings in pipeline.settings.items():
        findings += refused_settings(settings, settings_place(label))
        for dag, task in _users(pipeline, label):
            findings += _dangling(settings, settings_place(label), dag, task)
    return Check(KUBERNETES_SETTINGS, tuple(findings), remedy="correct `kubeflow:` in tinyops.yaml and compile again")


def _users(pipeline: ParsedPipeline, label: str) -> Iterator[tuple[Dag, str]]:
    components = pipeline.spec.components
    for dag in pipeline.dags():
        for name, _, task in dag.tasks():
            component = task.component_ref.name
            if component in components and components[component].executor_label == label:
                yield dag, name


def _dangling(value: Any, place: str, dag: Dag, task: str) -> Iterator[Finding]:
    """The driver looks for values of settings where the task stands (backend/src/v2/driver/resolve.go)."""
    if isinstance(value, Mapping):
        parameter, output = value.get("componentInputParameter"), value.get("taskOutputParameter")
        if isinstance(parameter, str) and parameter not in dag.component.input_definitions.parameters:
            yield Finding(
                f"{place}.componentInputParameter", f"{dag.place} has no parameter {parameter!r} to give to {task}"
            )
        if isinstance(output, Mapping) and output.get("producerTask") not in dag.component.dag.tasks:
            yield Finding(
                f"{place}.taskOutputParameter", f"{dag.place} has no task {output.get('producerTask')!r} beside {task}"
            )
        for key, part in sorted(value.items()):
            yield from _dangling(part, f"{place}.{key}", dag, task)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _dangling(part, f"{place}[{number}]", dag, task)
