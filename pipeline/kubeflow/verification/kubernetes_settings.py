"""Kubernetes settings of executors: fields that the message has, and values that driver and Kubernetes take."""

from __future__ import annotations

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.kubernetes_rules import refused_settings
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline, settings_place

KUBERNETES_SETTINGS = "Kubernetes settings"


def check_kubernetes_settings(pipeline: ParsedPipeline, misfits: tuple[Finding, ...]) -> Check:
    """Every field and value of every executor's settings."""
    refused = (
        finding
        for label, settings in pipeline.settings.items()
        for finding in refused_settings(settings, settings_place(label))
    )
    return Check(
        KUBERNETES_SETTINGS, (*misfits, *refused), remedy="correct `kubeflow:` in tinyops.yaml and compile again"
    )
