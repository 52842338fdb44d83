"""What is odd about labelled data, in figures: inputs that occur more than once, and where values lie. Pure numpy."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edge_deployer.release.labelled_data import LabelledData
from edge_deployer.tensors import Array

_VALUES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Repeats:
    """Samples whose input occurs more than once."""

    repeated: int = 0  # Samples whose input stands in the file before.
    conflicting: int = 0  # Samples whose input stands under another label, too.
    shared: int = 0  # Samples outside the training split whose input stands in it.


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of all values, in the data's own unit."""

    mean: float
    spread: float


def find_repeats(data: LabelledData, splits: Mapping[str, Array]) -> Repeats:
    """Count them, by equality to the last bit."""
    assert data.labels is not None
    rows_of: dict[bytes, list[int]] = defaultdict(list)
    for row, sample in enumerate(data.inputs):
        rows_of[hashlib.blake2b(sample.tobytes(), digest_size=16).digest()].append(row)
    trains = np.zeros(len(data), np.bool_)
    trains[next(iter(splits.values()))] = True
    equals = [rows for rows in rows_of.values() if len(rows) > 1]
    return Repeats(
        repeated=sum(len(rows) - 1 for rows in equals),
        conflicting=sum(len(rows) for rows in equals if len(np.unique(data.labels[rows])) > 1),
        shared=sum(int((~trains[rows]).sum()) for rows in equals if trains[rows].any()),
    )


def scale_of(inputs: Array, rows: Array) -> Scale:
    """Where the values of some rows lie, one at least. Little is held at a time, however much they are."""
    size = inputs[0].size
    step = max(1, _VALUES_AT_ONCE // size)
    total = squares = 0.0
    for start in range(0, len(rows), step):
        values = inputs[rows[start : start + step]].astype(np.float64)
        total += float(values.sum())
        squares += float(np.square(values).sum())
    mean = total / (size * len(rows))
    return Scale(mean, float(np.sqrt(max(0.0, squares / (size * len(rows)) - mean**2))))
