"""Keeping TensorFlow, Beam and their kin from talking to the user."""

from __future__ import annotations

import os
import warnings
from typing import Final

from pipeline.project.compatibility import import_tensorflow_quietly

ENVIRONMENT: Final = {"PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""For a process that imports them."""


def hush() -> None:
    """For this process, before they are imported."""
    os.environ.update(ENVIRONMENT)
    warnings.simplefilter("ignore")
    import_tensorflow_quietly()
