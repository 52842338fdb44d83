"""From a project to the file that Kubeflow Pipelines takes: TFX's compiler, then what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from components.sensor_example_gen.sources.places import is_uri
from components.sensor_example_gen.sources.section import BUILTIN_DIGITS
from components.trainer.environment import BOARD_PROFILE
from edge_deployer.errors import TinyopsError
from edge_deployer.field_errors import describe_validation_error
from pipeline.kubeflow.compilation import platform_document
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.step import project_module
from pipeline.kubeflow.step.entrypoint import PIPELINE_ROOT
from pipeline.kubeflow.step.executor_input import type_title
from pipeline.kubeflow.step.executor_output import SHOWN_BY_KUBEFLOW
from pipeline.project.component_names import COMPONENTS
from pipeline.project.heavy_imports import heavy_imports
from pipeline.project.kubeflow_settings import (
    ALL_STEPS,
    INVENTORY_FOLDER,
    RELEASE_LINE_FOLDER,
    SIGNING_KEY_FOLDER,
    KubeflowSection,
    RetrySection,
    StepSection,
)
from pipeline.project.preflight import Project, load_project
from pipeline.project.step_names import NEVER_CACHED, READER, TRAINER

ENTRYPOINT: Final = ("python", "-m", "pipeline.kubeflow.step.entrypoint")

DIGITS_IN_IMAGE: Final = "/opt/tinyops/data/digits.npz"
"""Where the pipeline image has the data that comes with the software (kubernetes/images)."""

# Of the types that Kubeflow's page shows, as in kfp.dsl.
_SCHEMA_VERSION: Final = "0.0.1"


def compile_project(config_file: Path, *, image: str | None = None) -> PipelineFile:
    """Compile a project. Reads the config and the user's module: no data, no bucket, no cluster, no board.

    Args:
        config_file: a `tinyops.yaml` with a section `kubeflow`.
        image: for every step, in the place of the section's.

    Raises:
        TinyopsError: the config or the module is wrong, or names what the image does not have.
    """
    project = load_project(config_file.resolve())
    section = _section(project)
    if image is not None:
        section = _with(section, f"--image {image}", image=image)
    _require_in_image(project)
    _require_steps(section)
    parameters = _parameters(project, section)
    spec = _tfx_spec(project, section, parameters)
    _complete(spec, project, section, parameters)
    return PipelineFile(spec, platform_document.build(section, spec))


def pipeline_name(project: str) -> str:
    """A project's name as Kubeflow has it: without capitals and underscores."""
    return project.lower().replace("_", "-")


def _section(project: Project) -> KubeflowSection:
    if project.config.kubeflow is None:
        raise TinyopsError(
            f"{project.config_file} has no section kubeflow, which names the image and the pipeline root",
            remedy="add `kubeflow: {image: REGISTRY/NAME:TAG, pipeline_root: minio://BUCKET/FOLDER}`",
        )
    section, source = project.config.kubeflow, str(project.config.data.source)
    if section.data_file is None and is_uri(source):
        return _with(section, f"data.source {source}", data_file=source)
    return section


def _with(section: KubeflowSection, what: str, **changes: str) -> KubeflowSection:
    try:
        return KubeflowSection.model_validate({**section.model_dump(), **changes})
    except ValidationError as error:
        raise describe_validation_error(error, what) from error


def _require_in_image(project: Project) -> None:
    """The image has the folder of the config file, and nothing beside it."""
    folder = project.config_file.parent
    for source in (*project.module.sources, project.module.folder):
        if not source.resolve().is_relative_to(folder):
            raise TinyopsError(
                f"train.module: {source} is not in the image, which has the folder {folder}",
                remedy="put the module into the folder of the config file",
            )


def _data_file(project: Project, section: KubeflowSection) -> str:
    if section.data_file is not None:
        return section.data_file
    source = project.config.data.source
    if source == BUILTIN_DIGITS:
        return DIGITS_IN_IMAGE
    path, folder = Path(source).resolve(), project.config_file.parent
    if not path.is_relative_to(folder):
        raise TinyopsError(
            f"data.source: {path} is not in the image, which has the folder {folder}",
            remedy="say in kubeflow.data_file where a step finds it: a URI, or a path on a volume",
        )
    return f"{section.project_folder}/{path.relative_to(folder)}"


def _parameters(project: Project, section: KubeflowSection) -> dict[str, str | int]:
    """The pipeline's parameters, which a run may set otherwise, and their defaults."""
    line = section.release_line
    return {
        "data_file": _data_file(project, section),
        "workspace": RELEASE_LINE_FOLDER,
        "inventory": f"{INVENTORY_FOLDER}/{line.inventory.key}",
        "signing_key": f"{SIGNING_KEY_FOLDER}/{line.signing_key.key}",
        "release_version": project.config.deploy.release_version,
        "replace": 0,
    }


def _tfx_spec(project: Project, section: KubeflowSection, parameters: dict[str, str | int]) -> dict[str, Any]:
    """What TFX makes of the pipeline: a PipelineSpec as JSON."""
    # Seconds of imports, which a config that is wrong need not wait for.
    with heavy_imports():
        from tfx.orchestration.data_types import RuntimeParameter
        from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

        from pipeline.dag import Places, build_pipeline

    given = {name: RuntimeParameter(name, ptype=type(value), default=value) for name, value in parameters.items()}
    places = Places(
        name=pipeline_name(project.config.name),
        pipeline_root=section.pipeline_root,
        all_runs=_all_runs(project, section),
        data_source=given["data_file"],
        **given,
    )
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            default_image=section.image, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
        )
    )
    job = runner.run(build_pipeline(project, places, gate=True), write_out=False)
    return dict(job["pipelineSpec"])


def _all_runs(project: Project, section: KubeflowSection) -> str:
    """Kubeflow puts a folder for the pipeline into its root, and in it one for each run."""
    return f"{section.pipeline_root}/{pipeline_name(project.config.name)}"


def _require_steps(section: KubeflowSection) -> None:
    for name in section.steps:
        if name != ALL_STEPS and name not in COMPONENTS:
            raise TinyopsError(
                f"kubeflow.steps names {name!r}, which is no component of this pipeline",
                remedy=f"name one of {', '.join(COMPONENTS)}, or {ALL_STEPS}",
            )


def _complete(
    spec: dict[str, Any], project: Project, section: KubeflowSection, parameters: dict[str, str | int]
) -> None:
    """Add what schema 2.1 needs and TFX leaves out, and what open-source Kubeflow wants otherwise."""
    spec["defaultPipelineRoot"] = section.pipeline_root
    for name, definition in spec["root"]["inputDefinitions"]["parameters"].items():
        definition["defaultValue"] = parameters[name]
    for component in spec["components"].values():
        for definition in component.get("outputDefinitions", {}).get("artifacts", {}).values():
            _show(definition["artifactType"])
    folder = project.module.folder.resolve().relative_to(project.config_file.parent)
    module = project_module.variables(project.module, str(Path(section.project_folder, folder)))
    for name, task in spec["root"]["dag"]["tasks"].items():
        if name in NEVER_CACHED:
            task["cachingOptions"] = {}
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        environment = {
            **module,
            **platform_document.store_environment(name, section),
            **_told_before(name, project, section),
        }
        step = section.step(name)
        _furnish(spec["deploymentSpec"]["executors"][label]["container"], step, environment)
        if step.retries is not None:
            task["retryPolicy"] = _retry_policy(step.retries)


def _told_before(name: str, project: Project, section: KubeflowSection) -> dict[str, str]:
    """What steps are told so that a run that cannot end well ends before it has cost much."""
    if name == READER and platform_document.first_step_opens_the_root(section):
        return {PIPELINE_ROOT: _all_runs(project, section)}
    return {BOARD_PROFILE: project.config.load_profile().model_dump_json()} if name == TRAINER else {}


def _show(artifact_type: dict[str, Any]) -> None:
    """TFX writes every type as an instanceSchema, which Kubeflow takes for one that it does not know."""
    title = type_title(artifact_type)
    if title in SHOWN_BY_KUBEFLOW:
        artifact_type.clear()
        artifact_type.update(schemaTitle=title, schemaVersion=_SCHEMA_VERSION)


def _furnish(container: dict[str, Any], step: StepSection, environment: dict[str, str]) -> None:
    variables = {**environment, **step.environment}
    container["env"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]
    device = step.device and {"type": step.device.resource, "count": str(step.device.count)}
    asked = {
        "cpuLimit": step.cpu,
        "memoryLimit": step.memory_gb,
        "cpuRequest": step.cpu_request,
        "memoryRequest": step.memory_request_gb,
        "accelerator": device,
    }
    resources = {name: amount for name, amount in asked.items() if amount is not None}
    if resources:
        container["resources"] = resources


def _retry_policy(retries: RetrySection) -> dict[str, Any]:
    """All of it, always: a back end takes a longest duration that is not there for 0, and tries nothing again.

    backend/src/v2/compiler/argocompiler/container.go of kubeflow/pipelines at 2.17.0, lines 410 and 614 to 650.
    """
    return {
        "maxRetryCount": retries.limit,
        "backoffDuration": f"{retries.backoff_s}s",
        "backoffFactor": float(retries.factor),
        "backoffMaxDuration": f"{retries.within_s}s",
    }
