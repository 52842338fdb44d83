"""Recordings of sound: how long they are decides what a sample is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np

from components.sensor_example_gen.sources.anomaly import UnusableRecord
from components.sensor_example_gen.sources.audio_file import opened
from edge_deployer.errors import TinyopsError
from pipeline.init.labelled import labelled_files
from pipeline.init.proposal import Choice, Survey

_MOST_OPENED: Final = 1000
_LONGEST_CLIP_S: Final = 3.0
"""What most recordings keep below, if each is one sample."""
_HALF_S: Final = 0.5
_MOST_RATE: Final = 16_000
_LONG: Final = (Choice("window", 1.0, "seconds of a sample"), Choice("hop", 0.5, "seconds from one to the next"))


@dataclass(frozen=True)
class _Heads:
    """What the headers of some recordings say."""

    rates: Counter[int]
    channels: Counter[int]
    seconds: tuple[float, ...]


def survey(place: Path) -> Survey:
    """Look at names and headers; nothing is decoded.

    Raises:
        TinyopsError: there is no such place, no recording in it, nothing that says a label, or all is damaged.
    """
    files = labelled_files(place, "audio")
    heads = _heads(files.folder, files.names)
    if not heads.seconds:
        raise TinyopsError(
            f"none of {len(files.names)} files of {place} can be opened as what its name says, e.g. {files.names[0]}",
            remedy="convert them to WAV, FLAC or OGG",
        )
    window = _window(heads.seconds)
    rate = _rate(heads.rates)
    is_long = len(window) > 1
    return Survey(
        choices=(
            *files.choices,
            Choice("rate", rate, "Hz; recordings of any rate are resampled to it"),
            *window,
        ),
        network="sound" if is_long else "speech",
        found=(*files.found, _said(heads)),
        groupings=files.groupings,
        split=files.split,
        features=spectrogram(rate),
        notices=files.notices,
    )


def spectrogram(rate: int) -> Choice:
    """The features that are proposed for sound of a rate."""
    return Choice(
        "features", {"kind": "log_mel", "rate": rate}, "32 mel channels each 20 ms, on the board by C that exports have"
    )


def _rate(rates: Counter[int]) -> int:
    """What most recordings have; what lies over `_MOST_RATE` says little of words and costs a board twice as much."""
    (common, _), *_ = rates.most_common(1)
    return min(common, _MOST_RATE)


def _heads(folder: Path, names: Sequence[str]) -> _Heads:
    rates: Counter[int] = Counter()
    channels: Counter[int] = Counter()
    seconds = []
    for index in np.linspace(0, len(names) - 1, min(len(names), _MOST_OPENED)).astype(int):
        with suppress(UnusableRecord), opened(folder / names[index]) as file:
            rates[file.rate] += 1
            channels[file.channels] += 1
            seconds.append(file.frames / file.rate)
    return _Heads(rates, channels, tuple(seconds))


def _window(seconds: Sequence[float]) -> tuple[Choice, ...]:
    """Clips are a sample each, of as many half seconds as hold nearly all of them; others are cut up."""
    most = float(np.quantile(seconds, 0.95))
    if most > _LONGEST_CLIP_S:
        return _LONG
    window = max(1, ceil(most / _HALF_S - 0.05)) * _HALF_S
    return (
        Choice("window", window, f"seconds; 95 % of the recordings have {most:.2g} or less, shorter ones are filled"),
    )


def _said(heads: _Heads) -> str:
    rates = ", ".join(f"{rate} Hz" for rate in sorted(heads.rates))
    channels = "/".join(map(str, sorted(heads.channels)))
    low, middle, high = np.quantile(heads.seconds, [0, 0.5, 1])
    return (
        f"recorded at {rates}, {channels} channel(s), {low:.2g} to {high:.3g} s long, half of them up to {middle:.2g} s"
    )
