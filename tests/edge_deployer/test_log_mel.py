"""The integer spectrogram: what it computes, against the formula in real numbers and against itself in C."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.log_mel import LogMel, _level, _log2, mel
from edge_deployer.tensors import Array

SPEECH = LogMel(rate=16_000, frame=480, step=320, channels=32, low_hz=60, high_hz=7_500)


def in_real_numbers(computing: LogMel, samples: Array) -> Array:
    """Steps 1 to 6 in float64, without any rounding before the last."""
    cut = np.lib.stride_tricks.sliding_window_view(samples, computing.frame)[:: computing.step]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(computing.frame) + 0.5) / computing.frame)
    energy = np.abs(np.fft.rfft(cut * window * 16, computing.points)) ** 2 / 2**16
    return 8 * np.log2(np.maximum(energy @ computing.weights.T.astype(float), 1)) - 272


def sound(seed: int, level: float, rate: int = 16_000, seconds: float = 0.5) -> Array:
    """A falling tone in noise."""
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (3_000 - 2_000 * time) * time)
    noise = np.random.default_rng(seed).normal(size=len(time)) / 10
    return np.clip(level * (tone + noise), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("level", [300, 3_000, 30_000])
@pytest.mark.parametrize(
    "computing",
    [
        SPEECH,
        LogMel(8_000, 256, 80, 40, 0, 4_000),
        LogMel(16_000, 400, 160, 10, 300, 3_400),
        LogMel(1_000, 9, 4, 4, 0, 500),
    ],
)
def test_it_is_the_spectrogram_within_a_step(computing: LogMel, level: int) -> None:
    samples = sound(1, level, computing.rate)
    exact = in_real_numbers(computing, samples)
    found = computing.compute(samples)
    assert found.shape == (computing.frames(len(samples)), computing.channels)
    heard = exact > -64
    np.testing.assert_allclose(found[heard], np.clip(exact[heard], -128, 127), atol=1.5)


def test_extremes_neither_overflow_nor_fail() -> None:
    for value in (-32768, 32767):
        steady = np.full(480, value, np.int16)
        assert SPEECH.compute(steady).max() <= 127
        square = np.where(np.arange(480) // 8 % 2, value, -value - 1).astype(np.int16)
        exact, found = in_real_numbers(SPEECH, square), SPEECH.compute(square)
        # Beside what is loudest, rounding is all there is.
        loud = exact > exact.max() - 100
        np.testing.assert_allclose(found[loud], exact[loud], atol=2)
        assert (found[~loud] < exact.max() - 90).all()
    assert (SPEECH.compute(np.zeros(480, np.int16)) == -128).all()


def test_levelled_features_tell_neither_the_loudness_nor_how_much_silence_follows() -> None:
    levelled = replace(SPEECH, levelled=True)
    word = sound(1, 10_000)
    found = levelled.compute(word)
    quieter = levelled.compute(sound(1, 2_500))
    np.testing.assert_allclose(quieter, found, atol=2)
    padded = levelled.compute(np.pad(word, (0, 8_000)))
    np.testing.assert_allclose(padded[: len(found)], found, atol=4)  # The word's edge is heard in a frame more.
    assert (padded[len(found) + 2 :] == padded.min(axis=0)).all()


def test_levelling_takes_the_mean_of_what_is_loud_and_bounds_what_is_not() -> None:
    features = np.full((9, 2), -128, np.int8)
    features[2:5] = [[60, 0], [50, 10], [40, 20]]
    features[7] = [-20, -44]  # 80 below the greatest value: over 105, and not loud.
    expected = np.full((9, 2), -35)
    expected[2:5] = [[10, -10], [0, 0], [-10, 10]]
    np.testing.assert_array_equal(_level(features), expected)


def test_a_sample_without_any_sound_is_levelled_to_nothing() -> None:
    assert not replace(SPEECH, levelled=True).compute(np.zeros(4_800, np.int16)).any()


@given(st.integers(1, 2**62))
def test_the_logarithm_is_right_to_a_hundredth_of_an_octave(value: int) -> None:
    found = int(_log2(np.array([value]))[0])
    assert found / 2**15 == pytest.approx(np.log2(float(value)), abs=0.01)
    assert found >> 15 == value.bit_length() - 1 or found / 2**15 == value.bit_length()


def test_each_channel_hears_something_and_most_hear_their_own_frequency() -> None:
    low = LogMel(16_000, 480, 320, 64, 20, 7_500)
    assert low.weights.any(axis=1).all()
    centres = np.linspace(mel(60), mel(7_500), 34)[1:-1]
    for channel in (8, 16, 24, 31):
        hertz = 700 * np.expm1(centres[channel] / 1127)
        tone = (10_000 * np.sin(2 * np.pi * hertz * np.arange(480) / 16_000)).astype(np.int16)
        assert SPEECH.compute(tone)[0].argmax() == channel


def test_parameters_of_another_front_end_are_refused() -> None:
    with pytest.raises(TinyopsError, match=r"front end log_mel: .*size"):
        LogMel.of({"size": 3})
