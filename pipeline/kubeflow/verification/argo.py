"""What Argo, which runs Kubeflow's workflows, takes as names and as retries.

Source: argoproj/argo-workflows, workflow/validate/validate.go (names) and workflow/controller/operator.go,
processNodeRetries; kubeflow/pipelines, backend/src/v2/compiler/argocompiler (what becomes a name). docs/verify.md has
the lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline

_LONGEST = 128
_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_TASK = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*")
_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+")


def check_argo(pipeline: ParsedPipeline) -> Check:
    """Names of tasks and components, retries, limits on loops."""
    findings = (*_components(pipeline), *_tasks(pipeline))
    return Check("Argo's rules", findings, remedy="rename it or correct the number, and compile the pipeline again")


def _components(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for name, component in sorted(pipeline.spec.components.items()):
        if component.HasField("dag"):
            if not _NAME.fullmatch(name) or len(name) > _LONGEST:
                yield Finding(f"components.{name}", _misnamed("template", _NAME, _LONGEST))
        elif _names_a_parameter(name, pipeline) and not _PARAMETER.fullmatch(name):
            yield Finding(f"components.{name}", f"Argo's parameters have names of the form {_PARAMETER.pattern}")


def _names_a_parameter(component: str, pipeline: ParsedPipeline) -> bool:
    """Others give theirs the hash of their container (argo.go, hashComponentContainer)."""
    return (
        pipeline.spec.components[component].executor_label in pipeline.settings or pipeline.container(component) is None
    )


def _tasks(pipeline: ParsedPipeline) -> Iterator[Finding]:
    # The longest of Argo's names that the compiler makes of a task's.
    longest = _LONGEST - len("-driver")
    for dag in pipeline.dags():
        for name, place, task in dag.tasks():
            if not _TASK.fullmatch(name) or len(name) > longest:
                yield Finding(place, _misnamed("task", _TASK, longest))
            loop = f"{task.component_ref.name}-{name}-iterator"
            if task.HasField("parameter_iterator") and len(loop) > _LONGEST:
                yield Finding(place, f"gives Argo the template {loop}, which is longer than {_LONGEST} characters")
            if task.iterator_policy.parallelism_limit < 0:
                yield Finding(f"{place}.iteratorPolicy.parallelismLimit", "is negative")
            yield from _retries(task.retry_policy, f"{place}.retryPolicy")


def _misnamed(what: str, form: re.Pattern[str], longest: int) -> str:
    return f"Argo takes no {what} of this name: it wants {form.pattern}, {longest} characters at most"


def _retries(policy: Any, place: str) -> Iterator[Finding]:
    if policy.max_retry_count < 0:
        yield Finding(f"{place}.maxRetryCount", f"{policy.max_retry_count} is negative")
    if policy.backoff_factor < 0:
        yield Finding(f"{place}.backoffFactor", f"{policy.backoff_factor:g} is negative")
    elif not policy.backoff_factor.is_integer():
        yield Finding(
            f"{place}.backoffFactor", f"{policy.backoff_factor:g} is no whole number, and Argo reads no other"
        )
    for field, duration in (
        ("backoffDuration", policy.backoff_duration),
        ("backoffMaxDuration", policy.backoff_max_duration),
    ):
        if duration.seconds < 0 or duration.nanos < 0:
            yield Finding(f"{place}.{field}", f"{duration.seconds + duration.nanos / 1e9:g} s is negative")
