"""What is not wrong with a compiled file, and what whoever runs it should know."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import TypeAdapter, ValidationError

from pipeline.kubeflow.verification.containers import KUBEFLOWS_OWN
from pipeline.kubeflow.verification.data_flow import parameters_without_default
from pipeline.kubeflow.verification.multi_user import RETAINED_FOR_A_TIME, is_deleted_in_time
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline
from pipeline.kubeflow.verification.releases import newer_fields
from pipeline.project.kubeflow_settings import Image

_IMAGE = TypeAdapter[str](Image)
_UNREAD = ("enabledSharedMemory", "podAffinity")
"""In KubernetesExecutorConfig, and no back end from 2.14 to 2.17 reads them (backend/src/v2)."""


def notes(pipeline: ParsedPipeline) -> Iterator[str]:
    """A sentence each."""
    for name in parameters_without_default(pipeline):
        yield f"parameter {name} has no default; whoever starts a run must give it"
    if not pipeline.spec.default_pipeline_root:
        # backend/src/v2/driver/root_dag.go: a run's own, else that of the cluster's kfp-launcher ConfigMap.
        yield "defaultPipelineRoot is missing; artifacts go to the root of the run, or to the cluster's own"
    if is_deleted_in_time(pipeline.spec.default_pipeline_root):
        yield (
            f"{pipeline.spec.default_pipeline_root}: where ARTIFACT_RETENTION_DAYS is set, Kubeflow deletes what lies "
            f"below {RETAINED_FOR_A_TIME}, the baseline with it; private/NAMESPACE is kept"
        )
    yield from _images(pipeline)
    for place, release in newer_fields(pipeline):
        # v2_template.go, IsPlatformSpecWithKubernetesConfig: a document that it cannot read is none.
        older = "; an older one ignores the whole platform document" if ".pipelineConfig." in place else ""
        yield f"{place} needs a back end from {release} on{older}"
    for label, settings in pipeline.settings.items():
        for field in _UNREAD:
            if field in settings:
                yield f"{label}: {field} is not read by any back end from 2.14 to 2.17"


def _images(pipeline: ParsedPipeline) -> Iterator[str]:
    images = {executor.container.image for executor in pipeline.executors.values() if executor.HasField("container")}
    for image in sorted(images - KUBEFLOWS_OWN - {""}):
        if why := _unpinned(image):
            yield f"image {image}: {why}"


def _unpinned(image: str) -> str | None:
    try:
        _IMAGE.validate_python(image)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return None
