"""`features: log_mel` in a project."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from pydantic import ValidationError

from components.sensor_example_gen.features.known import front_end_of
from components.sensor_example_gen.features.log_mel import LogMelSection
from components.sensor_example_gen.sources.audio import AudioSection
from edge_deployer.errors import TinyopsError
from edge_deployer.log_mel import LogMel


def test_it_is_cut_by_seconds_and_its_parameters_are_those_that_firmware_takes() -> None:
    front_end = front_end_of(LogMelSection(rate=8_000, step=0.01, channels=40))
    assert front_end.shape((8_000,)) == (98, 40)
    assert front_end.on_board
    told = json.loads(json.dumps(front_end.parameters()))
    said = {"rate": 8_000, "frame": 240, "step": 80, "channels": 40, "low_hz": 60.0, "high_hz": 4_000.0}
    assert told == {**said, "levelled": False}
    samples = np.random.default_rng(0).integers(-9_000, 9_000, 8_000).astype(np.int16)
    np.testing.assert_array_equal(front_end.compute(front_end.raw(samples)), LogMel.of(told).compute(samples))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"rate": 48_000}, "frame has 1440 samples at 48000 Hz; 512 at most"),
        ({"high_hz": 50}, "high_hz must lie over low_hz"),
        ({"rate": 8_000, "high_hz": 5_000}, "not over half of the rate, 4000 Hz"),
    ],
)
def test_what_cannot_be_computed_is_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        LogMelSection.model_validate(fields)


def test_samples_that_are_no_sound_or_too_short_are_refused() -> None:
    front_end = front_end_of(LogMelSection())
    for shape in ((400,), (100, 3)):
        with pytest.raises(TinyopsError, match="takes a row of at least 480 values"):
            front_end.shape(shape)
    with pytest.raises(TinyopsError, match="takes int16 samples, not float32"):
        front_end.raw(np.zeros(480, np.float32))


def test_its_rate_is_the_recordings() -> None:
    section = {"source": "recordings", "label": "label", "classes": ["no", "yes"], "rate": 8_000}
    with pytest.raises(ValidationError, match="features log_mel take 16000 Hz, not 8000"):
        AudioSection.model_validate({**section, "features": "log_mel"})
    assert AudioSection.model_validate({**section, "features": {"kind": "log_mel", "rate": 8_000}}).rate == 8_000
