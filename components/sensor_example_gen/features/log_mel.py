"""Logarithmic mel spectrogram of sound, in integers: `edge_deployer.log_mel` says how, and a release has it in C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, PositiveFloat, model_validator

from components.sensor_example_gen.features.front_end import FrontEndSection
from components.sensor_example_gen.features.sound import require_int16, require_row
from edge_deployer.log_mel import NAME, VERSION, LogMel
from edge_deployer.tensors import Array

_MOST_POINTS: Final = 512
"""Of the FFT: with more, its 32 bits would overflow."""
_Seconds = Annotated[float, Field(gt=0, le=0.5)]


class LogMelSection(FrontEndSection):
    """`data.features` of `kind: log_mel`."""

    kind: Literal["log_mel"] = NAME
    rate: Annotated[int, Field(ge=1_000, le=48_000)] = 16_000  # Samples a second; as `data.rate`.
    frame: _Seconds = 0.03  # Seconds that a spectrum is of.
    step: _Seconds = 0.02  # Seconds from one to the next.
    channels: Annotated[int, Field(ge=4, le=64)] = 32
    low_hz: Annotated[float, Field(ge=0)] = 60.0
    high_hz: PositiveFloat | None = None  # None: half of the rate, 7,500 Hz at most.
    levelled: bool = False  # Less each channel's mean over what is loud, for words: steps 7 to 9.

    @model_validator(mode="after")
    def _fits(self) -> LogMelSection:
        if self.parameters.points > _MOST_POINTS:
            raise ValueError(f"frame has {self.parameters.frame} samples at {self.rate} Hz; {_MOST_POINTS} at most")
        if not self.low_hz < self.parameters.high_hz <= self.rate / 2:
            raise ValueError(f"high_hz must lie over low_hz, and not over half of the rate, {self.rate / 2:g} Hz")
        return self

    @property
    def rate_taken(self) -> int | None:
        """As it says itself."""
        return self.rate

    @property
    def parameters(self) -> LogMel:
        """In samples."""
        return LogMel(
            rate=self.rate,
            frame=max(2, round(self.frame * self.rate)),
            step=max(1, round(self.step * self.rate)),
            channels=self.channels,
            low_hz=self.low_hz,
            high_hz=min(7_500.0, self.rate / 2) if self.high_hz is None else self.high_hz,
            levelled=self.levelled,
        )


class LogMelSpectrogram:
    """Features of sound, by integer arithmetic that C repeats bit for bit; nothing is kept from sample to sample.

    Unlike `micro_frontend` it neither takes noise away nor levels channels: what is lost there no network finds again.
    """

    Section: ClassVar[type[FrontEndSection]] = LogMelSection
    name: ClassVar[str] = NAME
    version: ClassVar[str] = VERSION
    on_board: ClassVar[bool] = True

    def __init__(self, section: LogMelSection) -> None:
        self._section = section

    @cached_property
    def _computing(self) -> LogMel:
        return self._section.parameters

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        """``(frames, channels)``.

        Raises:
            TinyopsError: a sample is no row of values, or shorter than a frame.
        """
        samples = require_row(NAME, sample, self._computing.frame)
        return (self._computing.frames(samples), self._computing.channels)

    def raw(self, values: Array) -> Array:
        """The sample itself, int16.

        Raises:
            TinyopsError: it is not int16.
        """
        return require_int16(NAME, values)

    def compute(self, raw: Array) -> Array:
        """The features of a sample: int16 ``(n,)`` to int8 of `shape`."""
        return self._computing.compute(raw)

    def parameters(self) -> Mapping[str, Any]:
        """Those of `edge_deployer.log_mel.LogMel`; all tables follow from them."""
        return asdict(self._computing)
