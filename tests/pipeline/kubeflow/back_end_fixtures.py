"""What each release of Kubeflow Pipelines tells a step and takes from it, by its source: files in `back_ends/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pipeline.kubeflow.replay.back_ends import BACK_ENDS

_FOLDER = Path(__file__).with_name("back_ends")

RELEASES = tuple(BACK_ENDS)

WITHOUT_ML_METADATA = "without_ml_metadata"


def kept(name: str) -> Any:
    """The contents of a file, e.g. of ``2.17``, or of ``task``, which the others are about."""
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text())
