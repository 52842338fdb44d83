from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.sensor_example_gen.features.known import front_end_of
from components.sensor_example_gen.features.micro_frontend import (
    MicroFrontend,
    MicroFrontendSection,
    channels_without_sound,
    to_int8,
    warnings,
)
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array
from tests.components.sensor_example_gen.sounds import chirp, tone

GOLDEN_FRAME = [*28 * [-128], 73, 84, 119, 20, 10, -128, -128, -128, -23, -128, -128, -128]
"""Half a second into the chirp, at 3.6 kHz."""
GOLDEN_DIGEST = "65dfa299845b548dfd5aec24fcd55fbe36bea06a4d104635a9a7954fcf9473b1"
"""SHA-256 of all features of the chirp."""


def front_end() -> MicroFrontend:
    return MicroFrontend(MicroFrontendSection())


def test_the_chirp_has_the_features_that_it_has_had_since() -> None:
    features = front_end().compute(chirp())
    assert features.dtype == np.int8
    assert features.shape == (98, 40)
    assert features[50].tolist() == GOLDEN_FRAME
    assert hashlib.sha256(features.tobytes()).hexdigest() == GOLDEN_DIGEST


def test_a_chirp_climbs_through_the_channels() -> None:
    loudest = front_end().compute(chirp()).argmax(axis=1)
    assert loudest[5] < 10
    assert loudest[95] > 35
    assert (np.diff(loudest[5:]) >= -1).all()


@given(value=st.integers(0, 65535))
def test_the_librarys_integers_become_int8_as_micro_speech_has_it(value: int) -> None:
    # In C, with integers: value_scale 256, value_div (int)(25.6f * 26.0f + 0.5f).
    in_c = (value * 256 + 666 // 2) // 666 - 128
    assert to_int8(np.array([value], np.int32)).tolist() == [max(-128, min(127, in_c))]


def test_silence_is_the_least_value_everywhere() -> None:
    features = front_end().compute(np.zeros(16_000, np.int16))
    assert (features == -128).all()


def test_a_sample_has_the_same_features_whatever_was_before() -> None:
    noise = np.random.default_rng(0).integers(-20_000, 20_000, 16_000).astype(np.int16)
    used = front_end()
    first = used.compute(chirp())
    loud = used.compute(noise)
    assert (used.compute(chirp()) == first).all()
    assert (front_end().compute(noise) == loud).all()
    assert (front_end().compute(noise[:7_000]) == loud[: (7_000 - 480) // 160 + 1]).all()


@settings(max_examples=60, deadline=None)
@given(arrays(np.int16, st.integers(480, 4_000)))
def test_features_have_the_shape_that_is_said(samples: Array) -> None:
    assert front_end().compute(samples).shape == front_end().shape(samples.shape)


@pytest.mark.parametrize(("values", "frames"), [(480, 1), (639, 1), (640, 2), (16_000, 98), (32_000, 198)])
def test_a_frame_each_10_ms_from_the_first_whole_window(values: int, frames: int) -> None:
    assert front_end().shape((values,)) == (frames, 40)
    assert front_end().compute(np.zeros(values, np.int16)).shape == (frames, 40)


@pytest.mark.parametrize("shape", [(479,), (128, 6), ()])
def test_samples_that_are_no_sound_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(TinyopsError, match="micro_frontend takes a row of at least 480 values") as refused:
        front_end().shape(shape)
    assert "data.window" in refused.value.remedy


def test_samples_that_are_not_int16_are_refused() -> None:
    with pytest.raises(TinyopsError, match="takes int16 samples, not float32"):
        front_end().raw(tone(1, 16_000))
    samples = chirp()
    assert front_end().raw(samples) is samples


def test_parameters_are_json_and_those_of_the_shape() -> None:
    parameters = front_end().parameters()
    assert json.loads(json.dumps(parameters)) == parameters
    window = parameters["window"]
    assert window["size_ms"] * parameters["sample_rate"] // 1000 == 480
    assert window["step_size_ms"] * parameters["sample_rate"] // 1000 == 160


def test_the_mapping_that_parameters_tell_is_the_one_that_is_used() -> None:
    step = front_end().parameters()["int8"]
    values = np.arange(0, 700, dtype=np.int32)
    told = (values * step["multiply"] + step["add"]) // step["divide"] + step["then_add"]
    assert (to_int8(values) == np.clip(told, *step["clamp"])).all()


@pytest.mark.parametrize(("rate", "empty"), [(8_000, 9), (11_025, 4), (15_000, 0), (16_000, 0), (44_100, 0)])
def test_channels_above_half_the_rate_have_no_sound(rate: int, empty: int) -> None:
    assert channels_without_sound(rate) == empty


def test_a_low_rate_is_warned_of() -> None:
    assert warnings([44_100, 16_000]) == []
    assert warnings({44_100: 3, 8_000: 7}) == [
        "recordings at 8000 Hz have no sound above 4000 Hz: about 9 of the 40 channels of micro_frontend are empty"
    ]


@pytest.mark.parametrize("hertz", [200, 500, 1_000, 2_000, 3_900, 5_000, 7_000])
def test_a_tone_is_loudest_in_the_channel_that_has_its_frequency(hertz: int) -> None:
    samples = np.rint(10_000 * tone(1, 16_000, hertz, level=1.0)).astype(np.int16)
    below = 40 - channels_without_sound(2 * hertz)
    assert abs(int(front_end().compute(samples)[3].argmax()) - below) <= 1


def test_the_front_end_is_found_by_its_section() -> None:
    assert isinstance(front_end_of(MicroFrontendSection()), MicroFrontend)


def test_a_moment_of_the_room_before_a_word_lets_its_first_frames_differ_by_channel() -> None:
    # docs/data.md says so: a new state makes all channels of the first frames about as loud.
    seconds = np.arange(8_000) / 16_000
    harmonics = sum(np.sin(2 * np.pi * 120 * k * seconds) / k**2 for k in range(1, 60))
    word = np.rint(8_000 * harmonics).astype(np.int16)
    room = np.rint(np.random.default_rng(0).normal(scale=50, size=8_000)).astype(np.int16)
    at_once = front_end().compute(word)[2]
    after_the_room = front_end().compute(np.concatenate([room, word]))[50 + 2]
    assert at_once.std() < 0.5 * after_the_room.std()
