"""Reading a few records, to see whether they can be read and what features come of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.sensor_example_gen.reading import Featured, RecordReader
from components.sensor_example_gen.sources.anomaly import Found, UnusableRecord
from components.sensor_example_gen.sources.listing import Listing

_SEED = 0


@dataclass(frozen=True)
class Trial:
    """Some records and what was made of them."""

    listing: Listing  # Those that were tried.
    samples: tuple[Featured, ...]  # The first of each record of which one can be made.
    found: tuple[Found, ...]  # What is wrong with the records, as far as their first sample shows.


def try_records(reader: RecordReader, listing: Listing, most: int) -> Trial:
    """Read the first sample of some records, drawn at random, the same each time.

    Args:
        reader: of the source.
        listing: what to draw from.
        most: number of records.
    """
    drawn = np.random.default_rng(_SEED).permutation(len(listing))[:most]
    some = listing.take(np.sort(drawn))
    samples: list[Featured] = []
    found: list[Found] = []
    for index in range(len(some)):
        try:
            sample = next(iter(reader.source.samples(some, index)), None)
        except UnusableRecord as error:
            found.append(Found(some.name(index), error.anomaly, error.detail))
            continue
        if sample is not None:
            features = reader.front_end.compute(reader.front_end.raw(sample.values))
            samples.append(Featured(features, index))
            found += [Found(some.name(index), anomaly) for anomaly in sample.anomalies]
    return Trial(some, tuple(samples), tuple(found))
