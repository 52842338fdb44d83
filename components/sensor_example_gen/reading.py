"""Reading records: their samples, the features of these, and what is known of a record once it is read.

This is what runs in Beam's workers, a chunk of records at a time; it needs neither Beam nor TensorFlow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from components.sensor_example_gen.features.front_end import FrontEnd
from components.sensor_example_gen.features.known import front_end_of
from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import Source, source_class
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

_DIGEST_BYTES = 16


class RecordFacts(BaseModel):
    """What reading a record has shown."""

    model_config = ConfigDict(frozen=True)

    row: int  # Its number in the source.
    samples: int  # Made of it.
    digest: str  # Hex digest of its samples, before their features; empty without samples.
    total: float  # Sum of the values of its features.
    squares: float  # Sum of their squares.
    found: dict[Anomaly, str] = {}  # What is wrong with it, and the detail.


@dataclass(frozen=True)
class Featured:
    """One sample as the network gets it."""

    features: Array  # Shape of the front end.
    index: int  # Place of its record in the list that is read.


def features_shape(section: DataSection, place: str) -> tuple[int, ...] | None:
    """Of one sample as the network gets it; None where only the data says it, and is not there.

    Args:
        section: the project's.
        place: path or URI of the data, where there is any.

    Raises:
        TinyopsError: the front end takes no samples of the source's shape.
    """
    source: Source = source_class(section.kind)(section, place)
    try:
        sample = source.shape
    except TinyopsError:
        # A pipeline may be compiled where its data is not.
        return None
    return front_end_of(section.features).shape(sample)


class RecordReader:
    """Reads records of one source through one front end."""

    def __init__(self, section: DataSection, place: str) -> None:
        """Nothing is read yet.

        Args:
            section: the project's, of the kind that `section.kind` names.
            place: path or URI of the data.
        """
        self.source: Source = source_class(section.kind)(section, place)
        self.front_end: FrontEnd = front_end_of(section.features)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the features of one sample."""
        return self.front_end.shape(self.source.shape)

    def first_samples(self, listing: Listing) -> Iterator[tuple[int, Array]]:
        """The first sample of each record as the board's sensor gives it, with the record's place in the list.

        Records of which no sample can be made are passed over.
        """
        for index in range(len(listing)):
            with suppress(UnusableRecord):
                for sample in self.source.samples(listing, index):
                    yield index, self.front_end.raw(sample.values)
                    break

    def read(self, listing: Listing) -> Iterator[Featured | RecordFacts]:
        """The samples of each record in turn, and then what there is to say of the record."""
        for index in range(len(listing)):
            yield from self._record(listing, index)

    def _record(self, listing: Listing, index: int) -> Iterator[Featured | RecordFacts]:
        digest, count, total, squares = hashlib.blake2b(digest_size=_DIGEST_BYTES), 0, 0.0, 0.0
        found: dict[Anomaly, str] = {}
        try:
            for sample in self.source.samples(listing, index):
                raw = self.front_end.raw(sample.values)
                digest.update(raw.tobytes())
                features = self.front_end.compute(raw)
                values = features.astype(np.float64).ravel()
                count, total, squares = count + 1, total + float(values.sum()), squares + float(values @ values)
                found.update(dict.fromkeys(sample.anomalies, ""))
                yield Featured(features, index)
        except UnusableRecord as error:
            found[error.anomaly] = error.detail
        yield RecordFacts(
            row=int(listing.rows[index]),
            samples=count,
            digest=digest.hexdigest() if count else "",
            total=total,
            squares=squares,
            found=found,
        )
