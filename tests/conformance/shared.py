"""Models and data that are not ours to ship, and lie beside the repository where they are there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

_SHARED: Final = Path(__file__).resolve().parents[3] / "shared"

INPUTS: Final = _SHARED / "inputs"
MODELS: Final = _SHARED / "models"
SPEECH: Final = _SHARED / "data" / "free_spoken_digit_dataset"
"""Recordings of the Free Spoken Digit Dataset: `{label}_{speaker}_{take}.wav`."""
STROKES: Final = _SHARED / "data" / "magic_wand_digit_data"
"""Strokes of digits with the magic wand of TensorFlow Lite Micro, in JSON."""

needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason="no models at shared/models")
needs_speech = pytest.mark.skipif(not SPEECH.is_dir(), reason="no recordings at shared/data")
needs_strokes = pytest.mark.skipif(not STROKES.is_dir(), reason="no recordings at shared/data")
