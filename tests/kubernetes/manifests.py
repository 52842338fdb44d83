"""The objects that kustomize builds of the folder `kubernetes`."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

KUBERNETES = Path(__file__).resolve().parents[2] / "kubernetes"
POOLS = ("staging", "production")
GATEWAYS = {pool: f"overlays/{pool}" for pool in POOLS} | {"remote": "overlays/remote"}
PIPELINES = "pipelines"
EGRESS = "egress"
DESK, DESK_PIPELINES = "desk/boards", "desk/pipelines"
ALL = (*GATEWAYS.values(), PIPELINES, EGRESS, DESK, DESK_PIPELINES)

Manifest = dict[str, Any]


@functools.cache
def build(folder: str) -> tuple[Manifest, ...]:
    """What `kubectl kustomize` makes of a folder; the test is skipped where there is no kubectl."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(["kubectl", "kustomize", KUBERNETES / folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(kind: str, folder: str) -> list[Manifest]:
    """The objects of one kind."""
    return [manifest for manifest in build(folder) if manifest["kind"] == kind]


def pod_templates(folder: str) -> Iterator[Manifest]:
    """Templates of the pods that the objects of a folder make."""
    for manifest in build(folder):
        template = manifest.get("spec", {}).get("template")
        if template is not None:
            yield template
