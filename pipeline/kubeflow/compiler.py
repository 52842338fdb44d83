"""From a project to the file that Kubeflow Pipelines takes: TFX's compiler, then what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from edge_deployer.errors import TinyopsError
from pipeline.config import BUILTIN_DIGITS
from pipeline.heavy_imports import heavy_imports
from pipeline.kubeflow import platform_document
from pipeline.kubeflow.entrypoint_environment import MODULE_FOLDER
from pipeline.kubeflow.executor_input import type_title
from pipeline.kubeflow.executor_output import SHOWN_BY_KUBEFLOW
from pipeline.kubeflow.pipeline_file import PipelineFile
from pipeline.kubeflow.settings import ALL_STEPS, KubeflowSection, StepSection
from pipeline.preflight import Project, load_project

ENTRYPOINT: Final = ("python", "-m", "pipeline.kubeflow.entrypoint")

DIGITS_IN_IMAGE: Final = "/opt/tinyops/data/digits.npz"
"""Where the pipeline image has the data that comes with the software (kubernetes/images)."""

NEVER_CACHED: Final = frozenset({"SensorExampleGen", "LatestBlessedModel", "TFLMPusher", "PromotionGate"})
"""Steps whose outputs depend on more than Kubeflow's cache looks at: data, pipeline root, boards."""

# Of the types that Kubeflow's page shows, as in kfp.dsl.
_SCHEMA_VERSION: Final = "0.0.1"


def compile_project(config_file: Path) -> PipelineFile:
    """Compile a project. Reads the config and the user's module: no data, no bucket, no cluster, no board.

    Args:
        config_file: a `tinyops.yaml` with a section `kubeflow`.

    Raises:
        TinyopsError: the config or the module is wrong, or names what the image does not have.
    """
    project = load_project(config_file.resolve())
    section = _section(project)
    _require_in_image(project)
    spec = _tfx_spec(project, section)
    _require_steps(section, spec)
    _complete(spec, project, section)
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
    return project.config.kubeflow


def _require_in_image(project: Project) -> None:
    """The image has the folder of the config file, and nothing beside it."""
    folder = project.config_file.parent
    for source in project.module.sources:
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


def _tfx_spec(project: Project, section: KubeflowSection) -> dict[str, Any]:
    """What TFX makes of the pipeline: a PipelineSpec as JSON."""
    # Seconds of imports, which a config that is wrong need not wait for.
    with heavy_imports():
        from tfx.orchestration.data_types import RuntimeParameter
        from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

        from pipeline.dag import Places, build_pipeline

    places = Places(
        name=pipeline_name(project.config.name),
        pipeline_root=section.pipeline_root,
        **{name: RuntimeParameter(name, ptype=str, default=value) for name, value in _defaults(project, section)},
    )
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            default_image=section.image, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
        )
    )
    job = runner.run(build_pipeline(project, places, gate=True), write_out=False)
    return dict(job["pipelineSpec"])


def _defaults(project: Project, section: KubeflowSection) -> list[tuple[str, str]]:
    """The pipeline's parameters, which a run may set otherwise."""
    mounts = platform_document
    line = section.release_line
    return [
        ("data_file", _data_file(project, section)),
        ("workspace", mounts.RELEASE_LINE_FOLDER),
        ("inventory", f"{mounts.INVENTORY_FOLDER}/{line.inventory.key}"),
        ("signing_key", f"{mounts.SIGNING_KEY_FOLDER}/{line.signing_key.key}"),
        ("release_version", project.config.deploy.release_version),
    ]


def _require_steps(section: KubeflowSection, spec: dict[str, Any]) -> None:
    steps = spec["root"]["dag"]["tasks"]
    for name in section.steps:
        if name != ALL_STEPS and name not in steps:
            raise TinyopsError(
                f"kubeflow.steps names {name!r}, which is no component of this pipeline",
                remedy=f"name one of {', '.join(sorted(steps))}, or {ALL_STEPS}",
            )


def _complete(spec: dict[str, Any], project: Project, section: KubeflowSection) -> None:
    """Add what schema 2.1 needs and TFX leaves out, and what open-source Kubeflow wants otherwise."""
    spec["defaultPipelineRoot"] = section.pipeline_root
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    for name, value in _defaults(project, section):
        parameters[name]["defaultValue"] = value
    for name, task in spec["root"]["dag"]["tasks"].items():
        if name in NEVER_CACHED:
            task["cachingOptions"] = {}
    for component in spec["components"].values():
        for definition in component.get("outputDefinitions", {}).get("artifacts", {}).values():
            _show(definition["artifactType"])
    folder = project.module.folder.resolve().relative_to(project.config_file.parent)
    module_folder = str(Path(section.project_folder, folder))
    for name, step in spec["root"]["dag"]["tasks"].items():
        label = spec["components"][step["componentRef"]["name"]]["executorLabel"]
        container = spec["deploymentSpec"]["executors"][label]["container"]
        environment = {MODULE_FOLDER: module_folder, **platform_document.store_environment(name, section)}
        _furnish(container, section.step(name), environment)


def _show(artifact_type: dict[str, Any]) -> None:
    """TFX writes every type as an instanceSchema, which Kubeflow takes for one that it does not know."""
    title = type_title(artifact_type)
    if title in SHOWN_BY_KUBEFLOW:
        artifact_type.clear()
        artifact_type.update(schemaTitle=title, schemaVersion=_SCHEMA_VERSION)


def _furnish(container: dict[str, Any], step: StepSection, environment: dict[str, str]) -> None:
    variables = {**environment, **step.environment}
    container["env"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]
    resources: dict[str, Any] = {}
    if step.cpu is not None:
        resources["cpuLimit"] = step.cpu
    if step.memory_gb is not None:
        resources["memoryLimit"] = step.memory_gb
    if step.device is not None:
        resources["accelerator"] = {"type": step.device.resource, "count": str(step.device.count)}
    if resources:
        container["resources"] = resources
