"""The tables of a front end in C."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_deployer.log_mel import LEVEL, NAME, VERSION, Level, LogMel
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.tensors import Array


@dataclass(frozen=True)
class Tables:
    """What `front_end.c` has as constants; arrays are int16."""

    points: int  # Of the FFT.
    window: Array
    cosines: Array
    sines: Array
    places: Array  # Of each channel first bin, bin after the last, and place in `packed`; shape ``(channels, 3)``.
    packed: Array  # The weights of all channels, one after the other, without the zeros around them.
    level: Level | None  # None: features are not levelled.


def front_end_tables(facts: FrontEndFacts | None) -> Tables | None:
    """Those of a log-mel spectrogram, of the version that this software computes; None of any other front end.

    Raises:
        TinyopsError: its parameters are not a log-mel spectrogram's.
    """
    if facts is None or not facts.on_board or (facts.name, facts.version) != (NAME, VERSION):
        return None
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
