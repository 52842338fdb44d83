"""Logarithmic mel spectrogram in integers that C repeats bit for bit: what a board computes, and its tables.

For each frame of int16 samples:

1. Each is multiplied by a Hann window of 15 fractional bits: ``(sample * window + 2**10) >> 11``, so that 4 stay.
2. A complex FFT of the next power of two points, radix 2, decimation in time, of 32 bits: a product with a twiddle
   factor of 15 fractional bits is ``(re * c + im * s + 2**14) >> 15``, of 64 bits on the way. Nothing overflows: 16
   bits, 4 fractional bits and the bits of 512 points are 29.
3. Energy of each bin, ``(re * re + im * im) >> 16``.
4. Channels: sums of energies with triangular weights of 12 fractional bits, evenly spaced on the mel scale (Stevens'
   formula, ``1127 ln(1 + f / 700)``).
5. ``log2`` of each sum with 15 fractional bits, straight between powers of two and bent by 0.3466 x (1 - x).
6. int8: eighths of an octave of energy, ``((log2 + 2**11) >> 12) - 272``, saturated: -128 is what is 96 dB below 127,
   about one step of an int16 converter.

Where the parameters say so, a whole sample is then levelled, for words: what differs between microphones and distances
is taken away. How much silence there is around a word changes nothing in the word.

7. Values count from 105 (39 dB) below the sample's greatest one, and are 0 at the least.
8. Of each channel its mean over the loud frames is taken away: those with a value over 35 in any channel, which is
   26 dB below the greatest. ``(2 * sum + frames) // (2 * frames)`` rounds it.
9. What lies more than 35 (13 dB) below its channel's mean becomes -35. Where nothing is heard, a channel whose mean is
   less than 35 shows that mean, negative: networks make use of it.

Shifts of negative numbers are arithmetic, as compilers have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

NAME: Final = "log_mel"
VERSION: Final = "1"
"""Changes when the same samples would get other features."""
_FRACTION: Final = 15
_ONE: Final = 1 << _FRACTION
_WEIGHT: Final = 1 << 12
_BEND: Final = 11357
"""0.3466, with 15 fractional bits."""
_OFFSET: Final = 272
_INT8: Final = np.iinfo(np.int8)
_MEL: Final = (1127.0, 700.0)


@dataclass(frozen=True)
class Level:
    """Bounds of steps 7 to 9, in eighths of an octave of energy."""

    heard: int = 105  # What a value counts from, below the greatest.
    loud: int = 35  # What makes a frame count, over that.
    quiet: int = -35  # The least of what comes out.


LEVEL: Final = Level()


@dataclass(frozen=True)
class LogMel:
    """Parameters, and what follows from them."""

    rate: int  # Samples a second.
    frame: int  # Samples of a frame.
    step: int  # Samples from a frame's beginning to the next one's.
    channels: int
    low_hz: float  # Where the first channel begins.
    high_hz: float  # Where the last one ends.
    levelled: bool = False  # Whether steps 7 to 9 follow.

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> LogMel:
        """From what a release says of it.

        Raises:
            TinyopsError: they are others than these.
        """
        try:
            return cls(**parameters)
        except TypeError as error:
            raise TinyopsError(f"front end {NAME}: {error}", remedy="build the release again") from error

    @property
    def points(self) -> int:
        """Of the FFT: a power of two."""
        return 1 << (self.frame - 1).bit_length()

    def frames(self, samples: int) -> int:
        """In so many samples, a frame at least."""
        return (samples - self.frame) // self.step + 1

    @cached_property
    def window(self) -> Array:
        """Hann, int16, shape ``(frame,)``."""
        angle = 2 * np.pi * (np.arange(self.frame) + 0.5) / self.frame
        return _fixed(0.5 - 0.5 * np.cos(angle))

    @cached_property
    def cosines(self) -> Array:
        """Of the twiddle factors, int16, shape ``(points / 2,)``."""
        return _fixed(np.cos(self._angles))

    @cached_property
    def sines(self) -> Array:
        """Of the twiddle factors, int16, shape ``(points / 2,)``."""
        return _fixed(np.sin(self._angles))

    @property
    def _angles(self) -> Array:
        angles: Array = 2 * np.pi * np.arange(self.points // 2) / self.points
        return angles

    @cached_property
    def weights(self) -> Array:
        """Of the bins in the channels, int16, shape ``(channels, points / 2 + 1)``; each channel has a bin at least."""
        bins = np.arange(self.points // 2 + 1) * self.rate / self.points
        low, high = mel(self.low_hz), mel(self.high_hz)
        centres = np.linspace(low, high, self.channels + 2)[1:-1]
        distance = np.abs(mel(bins) - centres[:, np.newaxis]) / ((high - low) / (self.channels + 1))
        weights: Array = np.rint(_WEIGHT * np.clip(1 - distance, 0, 1)).astype(np.int16)
        # The bins of low channels lie farther apart than the channels.
        nearest = distance.argmin(axis=1)
        empty = ~weights.any(axis=1)
        weights[empty, nearest[empty]] = _WEIGHT
        return weights

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """First bin of each channel with a weight, and the one after the last."""
        used = self.weights != 0
        return [(int(row.argmax()), len(row) - int(row[::-1].argmax())) for row in used]

    def compute(self, samples: Array) -> Array:
        """Features of a sample.

        Args:
            samples: int16, shape ``(n,)``, a frame at least.

        Returns:
            int8, shape ``(frames(n), channels)``.
        """
        cut = np.lib.stride_tricks.sliding_window_view(samples, self.frame)[:: self.step].astype(np.int64)
        shaped = np.zeros((len(cut), self.points), np.int64)
        shaped[:, : self.frame] = (cut * self.window + (1 << 10)) >> 11
        real, imaginary = self._transformed(shaped)
        half = self.points // 2 + 1
        energy = (real[:, :half] ** 2 + imaginary[:, :half] ** 2) >> 16
        features = _to_int8(_log2(energy @ self.weights.T.astype(np.int64)))
        return _level(features) if self.levelled else features

    def _transformed(self, real: Array) -> tuple[Array, Array]:
        """The FFT of each row."""
        real = real[:, self._reversed]
        imaginary = np.zeros_like(real)
        size = 2
        while size <= self.points:
            blocks = (len(real), -1, size)
            real, imaginary = self._stage(real.reshape(blocks), imaginary.reshape(blocks), size)
            size *= 2
        return real.reshape(len(real), -1), imaginary.reshape(len(imaginary), -1)

    def _stage(self, real: Array, imaginary: Array, size: int) -> tuple[Array, Array]:
        """Butterflies of blocks, shape ``(frames, blocks, size)``."""
        half, stride = size // 2, self.points // size
        cosines, sines = (table[::stride].astype(np.int64) for table in (self.cosines, self.sines))
        upper_re, lower_re = real[..., :half], real[..., half:]
        upper_im, lower_im = imaginary[..., :half], imaginary[..., half:]
        turned_re: Array = lower_re * cosines + lower_im * sines + (1 << 14)
        turned_im: Array = lower_im * cosines - lower_re * sines + (1 << 14)
        turned_re, turned_im = turned_re >> _FRACTION, turned_im >> _FRACTION
        return (
            np.concatenate([upper_re + turned_re, upper_re - turned_re], axis=-1),
            np.concatenate([upper_im + turned_im, upper_im - turned_im], axis=-1),
        )

    @cached_property
    def _reversed(self) -> Array:
        """Places in the order of their bits read backwards."""
        bits = self.points.bit_length() - 1
        return np.array([int(f"{place:0{bits}b}"[::-1], 2) for place in range(self.points)])


def mel(hertz: float | Array) -> Array:
    """On the mel scale."""
    scale, corner = _MEL
    found: Array = scale * np.log1p(np.asarray(hertz) / corner)
    return found


def _fixed(values: Array) -> Array:
    """With 15 fractional bits; 1 becomes the greatest int16."""
    fixed: Array = np.clip(np.rint(values * _ONE), -_ONE, _ONE - 1).astype(np.int16)
    return fixed


def _log2(sums: Array) -> Array:
    """With 15 fractional bits, int64; of 0 it is 0."""
    # Exact in float64's exponent, below 2**53 and above: what rounds up to the next power is corrected.
    whole = np.frexp(np.maximum(sums, 1).astype(np.float64))[1] - 1
    whole -= (sums >> whole) == 0
    leading = (sums >> np.maximum(whole - _FRACTION, 0)) << np.maximum(_FRACTION - whole, 0)
    part = np.where(sums > 0, leading - _ONE, 0)
    logarithms: Array = (whole << _FRACTION) + part + (((part * (_ONE - part) >> _FRACTION) * _BEND) >> _FRACTION)
    return logarithms


def _to_int8(logarithms: Array) -> Array:
    eighths = ((logarithms + (1 << 11)) >> 12) - _OFFSET
    features: Array = np.clip(eighths, _INT8.min, _INT8.max).astype(np.int8)
    return features


def _level(features: Array) -> Array:
    """Steps 7 to 9."""
    heard = np.maximum(features.astype(np.int64) - (int(features.max()) - LEVEL.heard), 0)
    loud = heard[(heard > LEVEL.loud).any(axis=1)]
    mean = (2 * loud.sum(axis=0) + len(loud)) // (2 * len(loud))
    levelled: Array = np.maximum(heard - mean, LEVEL.quiet).astype(np.int8)
    return levelled
