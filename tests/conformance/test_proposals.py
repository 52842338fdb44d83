"""What `tinyops init` proposes for recordings that nobody here made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.init.propose import propose
from tests.conformance.shared import SPEECH, STROKES, needs_speech, needs_strokes


def proposed(kind: str, place: Path) -> dict[str, Any]:
    return {choice.field: choice.value for choice in propose(kind, place).data}


@needs_speech
def test_spoken_digits_are_told_from_speakers_and_takes() -> None:
    data = proposed("audio", SPEECH)
    assert data["names"] == "{label}_{speaker}_{take}"
    assert data["classes"] == [str(digit) for digit in range(10)]
    assert (data["group"], data["rate"], data["window"]) == ("speaker", 8000, 1.0)
    assert data["features"] == {"kind": "log_mel", "rate": 8000}
    assert len(data["splits"]["eval_groups"]) == 1


@needs_strokes
def test_strokes_of_a_wand_become_pictures() -> None:
    data = proposed("motion", STROKES)
    assert (data["recording"], data["label"], data["columns"]) == ("strokes", "label", ["x", "y"])
    assert (data["raster"], data["features"]) == (32, "scale")
