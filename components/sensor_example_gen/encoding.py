"""Samples as serialised `tf.train.Example`, many at once: by TFX's own encoder, which is C++."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from tfx_bsl.coders import example_coder

from components.sensor_example_gen.reading import Featured
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.tensors import Array


@dataclass(frozen=True)
class ExampleEncoder:
    """What the features of an example are called; those without a name are left out."""

    input: str  # Values of the sample, a flat list of floats.
    label: str | None  # Index of the class, an integer.
    target: str | None  # What a regression is to answer, a flat list of floats.
    group: str | None  # Where the sample is from, an integer or text.

    @classmethod
    def of(cls, section: DataSection) -> ExampleEncoder:
        """The names of a project."""
        return cls(section.input, section.class_field, section.target, section.group)

    def encode(self, samples: Sequence[Featured], listing: Listing) -> list[bytes]:
        """The examples of some samples, one at least, in their order.

        Args:
            samples: of the records of `listing`, all of one shape.
            listing: says the label, target and group of each.
        """
        columns = dict(self._columns(samples, listing))
        batch = pa.RecordBatch.from_arrays(list(columns.values()), list(columns))
        examples: list[bytes] = example_coder.RecordBatchToExamples(batch)
        return examples

    def _columns(self, samples: Sequence[Featured], listing: Listing) -> Iterator[tuple[str, pa.Array]]:
        yield self.input, _lists(np.stack([sample.features for sample in samples]), np.dtype(np.float32))
        records = np.array([sample.index for sample in samples])
        if self.label is not None and listing.labels is not None:
            yield self.label, _lists(listing.labels[records], np.dtype(np.int64))
        if self.target is not None and listing.targets is not None:
            yield self.target, _lists(listing.targets[records], np.dtype(np.float32))
        if self.group is not None and listing.groups is not None:
            groups = listing.groups[records]
            yield self.group, _lists(groups, None if groups.dtype.kind == "U" else np.dtype(np.int64))


def _lists(values: Array, dtype: np.dtype[np.generic] | None) -> pa.Array:
    """A list for each sample, of numbers or of UTF-8.

    Args:
        values: shape ``(samples, ...)``.
        dtype: of the numbers; None for text.
    """
    flat = np.ravel(values)
    stored = pa.array([text.encode() for text in flat.tolist()] if dtype is None else flat.astype(dtype, copy=False))
    offsets = np.arange(len(values) + 1, dtype=np.int32) * (len(flat) // len(values))
    return pa.ListArray.from_arrays(pa.array(offsets), stored)
