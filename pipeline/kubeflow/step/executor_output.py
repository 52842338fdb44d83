"""What a step leaves for Kubeflow's launcher: the files of its outputs, and an ExecutorOutput (kfp.pipeline_spec).

The launcher (`uploadOutputArtifacts` in backend/src/v2/component/launcher_v2.go of kubeflow/pipelines) takes URI and
metadata of each artifact from there, stores what lies at the URI's local path, and refuses a value that is null.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pipeline.kubeflow.step import ml_metadata
from pipeline.kubeflow.step.executor_input import ExecutorInput, type_title
from pipeline.kubeflow.step.mounts import local_path, store_uri

SHOWN_BY_KUBEFLOW: Final = ("system.HTML", "system.Markdown")
"""Types that Kubeflow's page shows, if the artifact is the file itself and no folder."""


def finish(given: ExecutorInput) -> None:
    """Turn what TFX left into what the launcher takes."""
    for listed in given.outputs.artifacts.values():
        for artifact in listed.artifacts:
            if type_title(artifact.type) in SHOWN_BY_KUBEFLOW:
                _become_file(Path(local_path(artifact.uri)))
    path = Path(given.outputs.output_file)
    output = json.loads(path.read_text())
    path.write_text(json.dumps(for_launcher(output)))


def for_launcher(output: dict[str, Any]) -> dict[str, Any]:
    """The ExecutorOutput with URIs of the object store, and without the names that were made up for TFX."""
    artifacts = {
        key: {"artifacts": [_stored(artifact) for artifact in listed["artifacts"]]}
        for key, listed in output.get("artifacts", {}).items()
    }
    return {**output, "artifacts": artifacts}


def _stored(artifact: dict[str, Any]) -> dict[str, Any]:
    metadata = {
        name: store_uri(value) if isinstance(value, str) else value
        for name, value in ml_metadata.storable(artifact.get("metadata", {})).items()
    }
    return {"uri": store_uri(artifact["uri"]), "metadata": metadata}


def _become_file(folder: Path) -> None:
    """Put the only file of a folder in the folder's place; anything else stays as it is."""
    if not folder.is_dir():
        return
    contents = list(folder.iterdir())
    if len(contents) == 1 and contents[0].is_file():
        waiting = contents[0].rename(folder.with_name(f"{folder.name}.file"))
        folder.rmdir()
        waiting.rename(folder)
