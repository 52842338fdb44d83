"""What a compiled project's parameters are on this machine, where the paths of its container image lead nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.compiler import pipeline_name
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.step.project_module import MODULE
from pipeline.project.data_source import data_file
from pipeline.project.preflight import Project


def require_own(project: Project, file: PipelineFile) -> None:
    """Refuse to replay another project's pipeline with this project's module.

    Raises:
        TinyopsError: the file was compiled from another project.
    """
    variables = {entry["name"] for executor in file.executors.values() for entry in _environment(executor)}
    if MODULE in variables and file.name != pipeline_name(project.config.name):
        raise TinyopsError(
            f"the file holds the pipeline {file.name}, and {project.config_file} is the project {project.config.name}",
            remedy="name the project that was compiled: --config, or --demo for the handwritten digits",
        )


def _environment(executor: dict[str, Any]) -> list[dict[str, str]]:
    return list(executor.get("container", {}).get("env", []))


def host_parameters(project: Project, spec: dict[str, Any], workspace: Path) -> dict[str, str]:
    """The project's own data file, boards and key, for the parameters that a compiled project has.

    Args:
        project: the project.
        spec: the PipelineSpec; none of these parameters if it is no pipeline of the project.
        workspace: gets data that comes with the software, and the release line's folder.
    """
    config = project.config
    if spec["pipelineInfo"]["name"] != pipeline_name(config.name):
        return {}
    return {
        "data_file": str(data_file(config.data, workspace / "data")),
        "workspace": str(workspace / "release-line"),
        "inventory": str(config.deploy.inventory or ""),
        "signing_key": str(config.deploy.signing_key or ""),
    }
