"""TFDV's statistics of samples in memory, made with the options that the pipeline gives StatisticsGen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def statistics_of(values: Any, labels: Sequence[int], groups: Sequence[Any] | None = None) -> Any:
    """Features ``input``, ``label`` and, where there are groups, ``person``.

    Args:
        values: real values, ``(n, ...)``.
        labels: class indices, ``(n,)``.
        groups: numbers or names, ``(n,)``.
    """
    import pyarrow as pa
    from tensorflow_data_validation.statistics import stats_impl

    from components.data_gate.statistics import statistics_options

    rows = np.asarray(values, np.float32).reshape(len(values), -1)
    columns = {
        "input": pa.array(list(rows), pa.list_(pa.float32())),
        "label": pa.array([[int(label)] for label in labels], pa.list_(pa.int64())),
    }
    if groups is not None:
        columns["person"] = pa.array([[group] for group in groups])
    options = statistics_options("label", None if groups is None else "person")
    (batch,) = pa.table(columns).combine_chunks().to_batches()
    return stats_impl.generate_statistics_in_memory(batch, options)
