"""What is odd about data, in figures: samples that occur more than once, and where values lie. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_deployer.tensors import Array


@dataclass(frozen=True)
class Repeats:
    """Records whose samples occur more than once."""

    repeated: int = 0  # Records whose samples stand in the data before.
    conflicting: int = 0  # Records whose samples stand under another label, too.
    shared: int = 0  # Records outside the training split whose samples stand in it.


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of all values, in the features' own unit."""

    mean: float
    spread: float


def scale_of(count: int, total: float, squares: float) -> Scale:
    """From the number of values, one at least, their sum and the sum of their squares."""
    mean = total / count
    return Scale(mean, float(np.sqrt(max(0.0, squares / count - mean**2))))


@dataclass(frozen=True)
class Marks:
    """What equals what among records, each of shape ``(n,)``."""

    first: Array  # int64: place of the first record with the same samples.
    conflicting: Array  # bool: whether they stand under another label, too.
    shared: Array  # bool: whether the record does not train and an equal one does.

    @property
    def repeated(self) -> Array:
        """Whether the same samples stand before, bool of shape ``(n,)``."""
        return np.not_equal(self.first, np.arange(len(self.first)))

    @property
    def counts(self) -> Repeats:
        """How many."""
        return Repeats(int(self.repeated.sum()), int(self.conflicting.sum()), int(self.shared.sum()))


def find_repeats(digests: Array, labels: Array | None, trains: Array) -> Marks:
    """Compare records by their samples, to the last bit.

    Args:
        digests: of each record's samples, bytes of shape ``(n,)``, empty for a record without, which equals none.
        labels: int64, shape ``(n,)``, or None.
        trains: whether a record trains, bool, shape ``(n,)``.
    """
    places = np.arange(len(digests))
    _, first, equal = np.unique(digests, return_index=True, return_inverse=True)
    conflicting = np.zeros(len(digests), np.bool_)
    if labels is not None:
        conflicting = labels != labels[first[equal]]
        # Those that stand first, too.
        conflicting |= np.isin(equal, equal[conflicting])
    trained = np.bincount(equal, weights=trains) > 0
    empty = digests == b""
    return Marks(np.where(empty, places, first[equal]), conflicting & ~empty, trained[equal] & ~trains & ~empty)
