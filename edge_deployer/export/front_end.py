"""Which front ends a release has in C, and the tables of those that need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from edge_deployer import log_mel
from edge_deployer.log_mel import LEVEL, Level, LogMel
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.tensors import Array

_IN_C: Final = ((log_mel.NAME, log_mel.VERSION), ("scale", "1"))
"""Name and version; the templates are called by the name."""


@dataclass(frozen=True)
class Tables:
    """What a log-mel spectrogram's `front_end.c` has as constants; arrays are int16."""

    points: int  # Of the FFT.
    window: Array
    cosines: Array
    sines: Array
    places: Array  # Of each channel first bin, bin after the last, and place in `packed`; shape ``(channels, 3)``.
    packed: Array  # The weights of all channels, one after the other, without the zeros around them.
    level: Level | None  # None: features are not levelled.


def front_end_in_c(facts: FrontEndFacts | None) -> str | None:
    """Name of the templates; None for a front end, or a version of one, that this software has no C of."""
    if facts is None or not facts.on_board or (facts.name, facts.version) not in _IN_C:
        return None
    return facts.name


def log_mel_tables(facts: FrontEndFacts) -> Tables:
    """Those of a log-mel spectrogram.

    Raises:
        TinyopsError: its parameters are not a log-mel spectrogram's.
    """
    computing = LogMel.of(facts.parameters)
    rows = [row[first:end] for row, (first, end) in zip(computing.weights, computing.spans, strict=True)]
    begins = np.cumsum([0, *(len(row) for row in rows[:-1])])
    places = [(first, end, begin) for (first, end), begin in zip(computing.spans, begins.tolist(), strict=True)]
    return Tables(
        points=computing.points,
        window=computing.window,
        cosines=computing.cosines,
        sines=computing.sines,
        places=np.array(places, np.int16),
        packed=np.concatenate(rows),
        level=LEVEL if computing.levelled else None,
    )
