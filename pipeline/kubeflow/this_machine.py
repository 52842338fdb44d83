"""What a compiled project's parameters are on this machine, where the paths of its container image lead nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data_source import data_file
from pipeline.kubeflow.compiler import pipeline_name
from pipeline.preflight import Project


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
