"""TFLM's fixed-point audio front end: 40 mel channels every 10 ms, by the same C code on host and board.

The code is `tensorflow/lite/experimental/microfrontend/lib` of tflite-micro. The package pymicro-features compiles it
with the constants of its `src/micro_features.cpp`. Windows of 30 ms are shaped (Hann), transformed by an FFT of 512
points, summed to channels evenly spaced on the mel scale, freed from steady noise, levelled (PCAN: per-channel
amplitude normalisation) and put on a logarithmic scale. The estimate of the noise remembers what was before, so that
each sample begins with a new state, and firmware must reset its own where a window begins.

The last step, from the library's integers to int8, is that of tflite-micro's example `micro_speech`
(`tensorflow/lite/micro/examples/micro_speech/audio_preprocessor.py`). That example computes all before it by TFLM's
signal library, whose results differ from this one's in weak channels; firmware needs the library named above.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pymicro_features import MicroFrontend as Library

from components.sensor_example_gen.features.front_end import FrontEndSection
from components.sensor_example_gen.features.sound import require_int16, require_row
from edge_deployer.tensors import Array

NAME: Final = "micro_frontend"
RATE: Final = 16_000
CHANNELS: Final = 40
WINDOW: Final = 480
STEP: Final = 160
_LOWER_HZ: Final = 125.0
_UPPER_HZ: Final = 7500.0
_STEP_BYTES: Final = 2 * STEP
# The library's integers come as floats divided by 25.6; in micro_speech, 26.0 of those are the range of int8.
_PER_UNIT: Final = 25.6
_RANGE: Final = 666
_INT8: Final = np.iinfo(np.int8)


class MicroFrontendSection(FrontEndSection):
    """`data.features` of `kind: micro_frontend`: it has no parameters."""

    kind: Literal["micro_frontend"] = "micro_frontend"

    @property
    def rate_taken(self) -> int | None:
        """16 kHz."""
        return RATE


class MicroFrontend:
    """Features of 16 kHz audio that TFLM's own library computes on a board."""

    Section: ClassVar[type[FrontEndSection]] = MicroFrontendSection
    name: ClassVar[str] = NAME
    version: ClassVar[str] = "1"
    on_board: ClassVar[bool] = True

    def __init__(self, section: MicroFrontendSection) -> None:
        del section
        self._library = Library()

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """``(frames, 40)``, a frame every 160 values from the first whole window of 480.

        Raises:
            TinyopsError: a sample is no row of values, or shorter than a window.
        """
        return ((require_row(NAME, sample, WINDOW) - WINDOW) // STEP + 1, CHANNELS)

    def raw(self, values: Array) -> Array:
        """The sample itself, int16.

        Raises:
            TinyopsError: it is not int16.
        """
        return require_int16(NAME, values)

    def compute(self, raw: Array) -> Array:
        """The features of a sample, from a new state.

        Args:
            raw: int16, shape ``(n,)``, 16,000 values a second.

        Returns:
            int8 of `shape`.
        """
        self._library.reset()
        audio = raw.astype("<i2", copy=False).tobytes()
        frames = [
            features
            for start in range(0, len(audio) - _STEP_BYTES + 1, _STEP_BYTES)
            if (features := self._library.process_samples(audio[start : start + _STEP_BYTES]).features)
        ]
        return to_int8(np.rint(np.array(frames) * _PER_UNIT).astype(np.int32).reshape(-1, CHANNELS))

    def parameters(self) -> Mapping[str, Any]:
        """The constants of the library, by its own names, and those of the step to int8."""
        return {
            "library": "tensorflow/lite/experimental/microfrontend/lib",
            "sample_rate": RATE,
            "window": {"size_ms": 30, "step_size_ms": 10, "coefficient_bits": 12},
            "fft_size": 512,
            "filterbank": {
                "num_channels": CHANNELS,
                "lower_band_limit": _LOWER_HZ,
                "upper_band_limit": _UPPER_HZ,
                "weight_bits": 12,
            },
            "noise_reduction": {
                "smoothing_bits": 10,
                "even_smoothing": 0.025,
                "odd_smoothing": 0.06,
                "min_signal_remaining": 0.05,
            },
            "pcan_gain_control": {"enable_pcan": 1, "strength": 0.95, "offset": 80.0, "gain_bits": 21},
            "log_scale": {"enable_log": 1, "scale_shift": 6},
            "reset": "before each sample",
            "int8": {"multiply": 256, "add": _RANGE // 2, "divide": _RANGE, "then_add": -128, "clamp": [-128, 127]},
        }


def to_int8(values: Array) -> Array:
    """The library's integers as micro_speech gives them to its network.

    Args:
        values: int32, not negative, any shape.

    Returns:
        ``clamp((256 * value + 333) // 666 - 128, -128, 127)``, int8, of the same shape.
    """
    scaled = (values * 256 + _RANGE // 2) // _RANGE - 128
    features: Array = np.clip(scaled, _INT8.min, _INT8.max).astype(np.int8)
    return features


def channels_without_sound(rate: int) -> int:
    """How many of the channels have their centre where recordings of that rate have nothing: above half of it.

    The centres are those of `CalculateCenterFrequencies` in the library's `filterbank_util.c`.
    """
    low, high = _mel(_LOWER_HZ), _mel(_UPPER_HZ)
    centres = low + (high - low) / (CHANNELS + 1) * np.arange(1, CHANNELS + 1)
    return int((centres >= _mel(rate / 2)).sum())


def warnings(rates: Iterable[int]) -> list[str]:
    """What to say of recordings with these rates (see `AudioSource.rates`)."""
    return [
        f"recordings at {rate} Hz have no sound above {rate // 2} Hz: about {empty} of the {CHANNELS} channels of "
        "micro_frontend are empty"
        for rate in sorted(rates)
        if (empty := channels_without_sound(rate))
    ]


def _mel(hertz: float) -> float:
    return float(1127 * np.log1p(hertz / 700))
