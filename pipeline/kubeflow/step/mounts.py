"""Where Kubeflow's launcher keeps its copies of what lies in an object store.

It copies each input artifact there before a step and takes the outputs from there after it, so that a step needs no
keys of the store. The paths are those of `LocalPathForURI` in backend/src/v2/component/launcher_v2.go of
kubeflow/pipelines.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "TINYOPS_MOUNTS"
"""Environment variable: the folder that stands for ``/``, where the stores themselves lie there, and no copies."""

_PATHS: Final = {"minio://": "minio/", "s3://": "s3/", "gs://": "gcs/"}


def local_path(uri: str, root: Path | None = None) -> str:
    """The copy of what `uri` names; anything that lies in no object store is returned as it is.

    Args:
        uri: e.g. ``minio://mlpipeline/v2/artifacts/digits/...``.
        root: what stands for ``/``; without it, what `VARIABLE` says.
    """
    for scheme, path in _PATHS.items():
        if uri.startswith(scheme):
            return f"{_prefix(root)}{path}{uri.removeprefix(scheme)}"
    return uri


def store_uri(path: str, root: Path | None = None) -> str:
    """Inverse of `local_path`."""
    for scheme, folder in _PATHS.items():
        mount = f"{_prefix(root)}{folder}"
        if path.startswith(mount):
            return f"{scheme}{path.removeprefix(mount)}"
    return path


def stores_are_folders() -> bool:
    """Whether all that the stores hold is to be found at its local path, and not only the artifacts of this step."""
    return VARIABLE in os.environ


def _prefix(root: Path | None) -> str:
    folder = os.environ.get(VARIABLE, "/") if root is None else str(root)
    return folder.rstrip("/") + "/"
