"""Recordings that nobody here made, through the audio source and its front end, and TFLM's own front end beside it."""

from __future__ import annotations

from collections import Counter
from time import process_time

import numpy as np
import soundfile
from tflite_micro import runtime

from components.sensor_example_gen.features.micro_frontend import MicroFrontend, MicroFrontendSection, warnings
from components.sensor_example_gen.sources.anomaly import Anomaly
from components.sensor_example_gen.sources.audio import AudioSection, AudioSource
from edge_deployer.tensors import Array
from tests.conformance.shared import MODELS, SPEECH, needs_models, needs_speech

PREPROCESSOR = MODELS / "tflite_micro" / "audio_preprocessor_int8.tflite"
SPEAKERS = {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}

pytestmark = needs_speech


def digits() -> AudioSource:
    section = AudioSection(
        source=SPEECH,
        names="{label}_{speaker}_{take}",
        group="speaker",
        classes=[str(digit) for digit in range(10)],
        features=MicroFrontendSection(),
    )
    return AudioSource(section, str(SPEECH))


def test_every_spoken_digit_is_read_and_nothing_but_short_ones_is_found() -> None:
    source = digits()
    listing = source.listing()
    assert len(listing) == 3000
    assert listing.found == ()
    assert listing.labels is not None
    assert np.bincount(listing.labels).tolist() == 10 * [300]
    assert listing.groups is not None
    assert set(listing.groups) == SPEAKERS
    anomalies: Counter[Anomaly] = Counter()
    for index in range(0, len(listing), 10):
        (sample,) = source.samples(listing, index)
        anomalies.update(sample.anomalies)
    assert set(anomalies) <= {Anomaly.TOO_SHORT}


def test_the_recordings_are_known_to_leave_channels_empty() -> None:
    source = digits()
    rates = source.rates(source.listing())
    assert set(rates) == {8_000}
    assert len(warnings(rates)) == 1


def test_reading_and_features_take_a_hundredth_of_the_sounds_own_time() -> None:
    source, front_end = digits(), MicroFrontend(MicroFrontendSection())
    listing = source.listing()
    indices = range(0, len(listing), 10)
    seconds = sum(soundfile.info(SPEECH / listing.name(index)).duration for index in indices)
    begin = process_time()
    for index in indices:
        for sample in source.samples(listing, index):
            front_end.compute(front_end.raw(sample.values))
    assert process_time() - begin < seconds / 100


@needs_models
def test_features_are_those_of_tflms_own_model_for_them_but_for_rounding() -> None:
    """TFLM's `audio_preprocessor_int8.tflite` computes a frame by other code, its signal library."""
    source, front_end = digits(), MicroFrontend(MicroFrontendSection())
    listing = source.listing()
    model = runtime.Interpreter.from_bytes(PREPROCESSOR.read_bytes(), arena_size=1 << 19)
    ours, theirs = [], []
    for index in range(0, len(listing), 60):
        (sample,) = source.samples(listing, index)
        spoken = sample.values[: np.flatnonzero(sample.values)[-1]]
        ours.append(front_end.compute(spoken))
        theirs.append(features_by(model, spoken))
    one, other = np.concatenate(ours).astype(int), np.concatenate(theirs).astype(int)
    differ = one != other
    assert differ.mean() < 0.025
    assert differ[:, :31].mean() < 0.015  # Above are the channels that have no sound at 8 kHz, only rounding.
    assert (np.abs(one - other) > 2).mean() < 0.01
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999


def features_by(model: runtime.Interpreter, samples: Array) -> Array:
    """A frame each 10 ms, from a new state."""
    model.reset()
    frames = []
    for start in range(0, len(samples) - 480 + 1, 160):
        model.set_input(samples[None, start : start + 480], 0)
        model.invoke()
        frames.append(model.get_output(0).ravel().copy())
    return np.array(frames)
