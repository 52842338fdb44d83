"""Recordings of sound: folders of WAV, FLAC and OGG files, of any rate and any number of channels.

A sample is a window, mixed to one channel and resampled to one rate, as an int16 microphone would give it. A recording
is read block by block: what a long one takes of memory is a window and a block.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
import soxr
from pydantic import Field, model_validator

from components.sensor_example_gen.features import micro_frontend
from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.audio_file import NO_FRAMES, SUFFIXES, Block, opened
from components.sensor_example_gen.sources.file_records import FileSection, fingerprint_files, list_files, open_record
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import Sample
from edge_deployer.report.data_view import EMPTY_CHANNELS
from edge_deployer.tensors import Array

_VERSION: Final = "1"
"""Changes when the same recording would give other samples."""
_SHORT: Final = 0.25
"""Share of the window below which a recording is called too short."""
_SILENT_RMS: Final = 0.0005
"""Share of full scale, -66 dB: a window whose root mean square about its mean is less is called silent."""
_CLIPPED: Final = 0.001
"""Share of the frames at full scale, in runs of three and more, above which a window is called clipped."""
_MOST_LOOKED_AT: Final = 2000
_INT16: Final = np.iinfo(np.int16)


class AudioSection(FileSection):
    """`data` of `kind: audio`."""

    kind: Literal["audio"] = "audio"
    rate: Annotated[int, Field(ge=1_000, le=192_000)] = 16_000  # Values a second of a sample, whatever the files have.
    channels: Literal["mean", "first"] | Annotated[int, Field(ge=0)] = "mean"  # How many become one; an index from 0.
    window: Annotated[float, Field(gt=0, le=30)] = 1.0  # Seconds of a sample. A shorter recording is filled with zeros.
    # Seconds from the beginning of one sample to the next; what is left at the end and fills no window is not used.
    # None: one sample a recording.
    hop: Annotated[float, Field(gt=0)] | None = None
    cut: Literal["loudest", "start"] = "loudest"  # Which window of a longer recording, where there is no hop.

    @model_validator(mode="after")
    def _at_the_rate_taken(self) -> AudioSection:
        taken = self.features.rate_taken
        if taken not in (None, self.rate):
            raise ValueError(
                f"rate: features {self.features.kind} take {taken} Hz, not {self.rate}; "
                f"set rate to {taken}, and recordings of any rate are resampled to it"
            )
        return self


class AudioSource:
    """Windows of recordings."""

    Section: ClassVar[type[DataSection]] = AudioSection

    def __init__(self, section: AudioSection, place: str) -> None:
        self._section = section
        self._place = place

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample: int16, ``(rate * window,)``."""
        return (round(self._section.rate * self._section.window),)

    @property
    def sound_rate(self) -> int | None:
        """That of the samples, in Hz."""
        return self._section.rate

    def listing(self) -> Listing:
        """All recordings, sorted by name; none is opened.

        Raises:
            TinyopsError: there is no such place, no recording in it, or its manifest is wrong.
        """
        listing = list_files(self._section, self._place, SUFFIXES)
        return replace(listing, one_sample_each=self._section.hop is None)

    def samples(self, listing: Listing, index: int) -> Iterator[Sample]:
        """The windows of one recording, in order.

        Raises:
            UnusableRecord: the file is not what its name says, is damaged or empty.
        """
        with open_record(self._place, listing.name(index)) as path, opened(path) as recording:
            if self._section.hop is not None:
                # Of a recording that turns out to be damaged near its end, no window has been used then.
                for _ in recording.blocks(self._section.channels):
                    pass
            blocks = recording.blocks(self._section.channels)
            for window in self._windows(blocks, recording.rate):
                yield self._sample(window, recording.rate)

    def fingerprint(self) -> str:
        """SHA-256 over what the files are called and when they changed, and over how they are read.

        Raises:
            TinyopsError: there is no such place, or the manifest is wrong.
        """
        section = self._section
        read_as = (_VERSION, section.rate, section.channels, section.window, section.hop, section.cut)
        files = fingerprint_files(section, self._place, SUFFIXES)
        return hashlib.sha256(f"{files} {read_as}".encode()).hexdigest()

    def rates(self, listing: Listing) -> dict[int, int]:
        """Frames a second, each with the number of recordings that have it.

        Of a long list, `_MOST_LOOKED_AT` recordings from its beginning to its end are opened. Those of which no sample
        can be made are left out.
        """
        return {rate: len(names) for rate, names in self._recorded_at(listing).items()}

    def _recorded_at(self, listing: Listing) -> dict[int, list[str]]:
        """The same, with the names of the recordings."""
        count = min(len(listing), _MOST_LOOKED_AT)
        found: dict[int, list[str]] = defaultdict(list)
        for index in np.linspace(0, len(listing) - 1, count).astype(int):
            name = listing.name(index)
            with suppress(UnusableRecord), open_record(self._place, name) as path, opened(path) as recording:
                found[recording.rate].append(name)
        return dict(sorted(found.items()))

    def describe(self, listing: Listing) -> Mapping[str, str | int | float]:
        """What was done to the recordings, and which rates they have."""
        section = self._section
        rates = self._recorded_at(listing)
        looked_at = sum(map(len, rates.values()))
        windows = {"cut": section.cut} if section.hop is None else {"hop": f"{section.hop:g} s"}
        return {
            "rate": f"{section.rate} Hz",
            "recorded at": ", ".join(
                f"{rate} Hz ({len(names)} of {looked_at}, e.g. {names[0]})" for rate, names in rates.items()
            ),
            "channels": str(section.channels),
            "window": f"{section.window:g} s",
            **windows,
            **self._empty_channels(rates),
        }

    def _empty_channels(self, rates: Iterable[int]) -> Mapping[str, str]:
        """What recordings of some rates leave without contents of the features."""
        said = micro_frontend.warnings(rates) if self._section.features.kind == micro_frontend.NAME else []
        return {EMPTY_CHANNELS: "; ".join(said)} if said else {}

    def _windows(self, blocks: Iterable[Block], rate: int) -> Iterator[Block]:
        section = self._section
        size = max(1, round(section.window * rate))
        if section.hop is not None:
            return every_hop(blocks, size, section.hop * rate)
        return iter([loudest(blocks, size) if section.cut == "loudest" else first(blocks, size)])

    def _sample(self, window: Block, rate: int) -> Sample:
        (size,) = self.shape
        heard = _to_int16(_resampled(window.values, rate, self._section.rate)[:size])
        values = np.zeros(size, np.int16)
        values[: len(heard)] = heard
        signs = {
            Anomaly.TOO_SHORT: len(window) < _SHORT * self._section.window * rate,
            Anomaly.SILENT: window.values.std(dtype=np.float64) < _SILENT_RMS,
            Anomaly.CLIPPED: window.clipped.mean() > _CLIPPED,
        }
        return Sample(values, tuple(anomaly for anomaly, shown in signs.items() if shown))


def every_hop(blocks: Iterable[Block], size: int, hop: float) -> Iterator[Block]:
    """Windows of `size` frames whose beginnings lie `hop` frames apart; all there is, where that is less than one."""
    kept, begin, number = NO_FRAMES, 0, 0
    for block in blocks:
        kept += block
        while (start := round(number * hop) - begin) + size <= len(kept):
            yield kept[start : start + size]
            number += 1
        passed = min(start, len(kept))
        kept, begin = kept[passed:], begin + passed
    if number == 0:
        yield kept


def first(blocks: Iterable[Block], size: int) -> Block:
    """The first `size` frames, or all where there are fewer. The others are read: they may turn out to be damaged."""
    kept = NO_FRAMES
    for block in blocks:
        if len(kept) < size:
            kept = (kept + block)[:size]
    return kept


def loudest(blocks: Iterable[Block], size: int) -> Block:
    """Those `size` frames in a row with the most energy, the first of equals; all where there are fewer."""
    kept = best = NO_FRAMES
    most = -1.0
    for block in blocks:
        kept += block
        if len(kept) < size:
            best = kept
            continue
        until = np.concatenate([[0.0], np.cumsum(np.square(kept.values, dtype=np.float64))])
        energies = until[size:] - until[:-size]
        at = int(energies.argmax())
        if energies[at] > most:
            best, most = kept[at : at + size], float(energies[at])
        kept = kept[len(kept) - size + 1 :]
    return best


def _resampled(values: Array, rate: int, wanted: int) -> Array:
    if rate == wanted:
        return values
    resampled: Array = soxr.resample(values, rate, wanted)
    return resampled


def _to_int16(values: Array) -> Array:
    steps: Array = np.clip(np.rint(values * -float(_INT16.min)), _INT16.min, _INT16.max).astype(np.int16)
    return steps


SOURCE: Final = AudioSource
