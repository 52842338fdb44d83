"""Settings for Kubernetes: of executors that exist, and for the platform that is read."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import KUBERNETES, ParsedPipeline

PLATFORM_DOCUMENT = "platform document"


def check_platform(pipeline: ParsedPipeline, misfits: tuple[Finding, ...]) -> Check:
    """The platform document, down to the settings of each executor."""
    return Check(
        PLATFORM_DOCUMENT,
        (*misfits, *_platforms(pipeline)),
        remedy="compile the pipeline again, or correct the second document",
    )


def _platforms(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for name, platform in sorted(pipeline.platform.platforms.items()):
        if name != KUBERNETES:
            yield Finding(f"platforms.{name}", f"is not read; the platform is called {KUBERNETES}")
            continue
        for label in sorted(platform.deployment_spec.executors.keys() - pipeline.executors.keys()):
            yield Finding(f"platforms.{name}.deploymentSpec.executors.{label}", "there is no such executor")
