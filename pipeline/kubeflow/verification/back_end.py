"""What PipelineSpec can say and the open-source back end does not run.

Sources: kubeflow/pipelines, backend/src/apiserver/template/v2_template.go (document),
backend/src/v2/compiler/argocompiler/dag.go (executors, tasks), backend/src/v2/driver/resolve.go (parameters),
backend/src/v2/objectstore/config.go (pipeline root). docs/verify.md has the lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.kubeflow.verification.findings import Check, Finding
from pipeline.kubeflow.verification.parsed_pipeline import ParsedPipeline
from pipeline.project.kubeflow_settings import PIPELINE_ROOT

if TYPE_CHECKING:
    from kfp.pipeline_spec import pipeline_spec_pb2 as pb

_SCHEMA_VERSION = "2.1.0"
_PIPELINE_NAME = re.compile(r"(namespace/[a-z0-9-]+/)?(pipeline/)?[a-z0-9]([a-z0-9-]{0,126}[a-z0-9])?")
"""kfp.dsl.utils.validate_pipeline_name, and no hyphen last, which a back end that keeps pipelines as Kubernetes'
objects does not take (backend/src/apiserver/storage/pipeline_store_kubernetes.go). What the back end itself puts before
a name (v2_template.go, OverrideV2PipelineName) may be there already."""
_GOOGLE_ONLY = {"resolver": "a resolver", "custom_job": "a Vertex AI custom job"}


def check_back_end(pipeline: ParsedPipeline) -> Check:
    """Version, name and root of the pipeline; kinds of executors, tasks and parameters."""
    findings = [*_document(pipeline), *_executors(pipeline), *_tasks(pipeline), *_parameter_types(pipeline)]
    return Check("Kubeflow's back end", tuple(findings), remedy="make the file with `tinyops compile`")


def _document(pipeline: ParsedPipeline) -> Iterator[Finding]:
    spec = pipeline.spec
    if spec.schema_version != _SCHEMA_VERSION:
        yield Finding("schemaVersion", f"is {spec.schema_version!r}; the back end takes {_SCHEMA_VERSION} only")
    if not _PIPELINE_NAME.fullmatch(spec.pipeline_info.name):
        yield Finding("pipelineInfo.name", f"{spec.pipeline_info.name!r} is not of the form {_PIPELINE_NAME.pattern}")
    if spec.default_pipeline_root and not re.fullmatch(PIPELINE_ROOT, spec.default_pipeline_root):
        yield Finding("defaultPipelineRoot", f"{spec.default_pipeline_root!r} is no minio://, s3:// or gs:// bucket")
    if "root" in spec.components:
        yield Finding("components.root", "the name is reserved for the pipeline itself")


def _executors(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for label, executor in sorted(pipeline.executors.items()):
        place = f"deploymentSpec.executors.{label}"
        kind = executor.WhichOneof("spec")
        if kind is None:
            yield Finding(place, "has neither a container nor an importer, so nothing would run")
        elif kind in _GOOGLE_ONLY:
            yield Finding(place, f"is {_GOOGLE_ONLY[kind]}, which only Vertex AI runs")
        elif executor.container.HasField("lifecycle"):
            yield Finding(f"{place}.container.lifecycle", "is a hook before the cache, which only Vertex AI runs")


def _tasks(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for dag in pipeline.dags():
        for _, place, task in dag.tasks():
            label = pipeline.spec.components[task.component_ref.name].executor_label if _known(pipeline, task) else ""
            importer = label in pipeline.executors and pipeline.executors[label].HasField("importer")
            if task.HasField("artifact_iterator"):
                yield Finding(f"{place}.artifactIterator", "the back end cannot iterate over artifacts")
            if importer and task.trigger_policy.condition:
                yield Finding(f"{place}.triggerPolicy.condition", "the back end takes no condition on an importer")
            for name, given in sorted(task.inputs.parameters.items()):
                if given.HasField("runtime_value") and not given.runtime_value.HasField("constant"):
                    here = f"{place}.inputs.parameters.{name}.runtimeValue"
                    yield Finding(here, "the back end takes a constant only, no runtimeParameter or constantValue")
            if not (importer or task.task_info.name):
                yield Finding(f"{place}.taskInfo.name", "is empty, and the driver takes no task without it")


def _known(pipeline: ParsedPipeline, task: pb.PipelineTaskSpec) -> bool:
    return task.component_ref.name in pipeline.spec.components


def _parameter_types(pipeline: ParsedPipeline) -> Iterator[Finding]:
    for place, component in pipeline.components():
        for key, definitions in (
            ("inputDefinitions", component.input_definitions),
            ("outputDefinitions", component.output_definitions),
        ):
            for name, parameter in sorted(definitions.parameters.items()):
                if not parameter.parameter_type:
                    yield Finding(
                        f"{place}.{key}.parameters.{name}", "has no parameterType, and schema 2.0's is not read"
                    )
