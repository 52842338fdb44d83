"""Accuracy as a device counts it: the first of the largest outputs is the class.

TFMA would take Keras' metric, which rounds to float32 and traces itself again for every slice and batch, seconds each.
"""

from __future__ import annotations

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

METRIC = "accuracy"

# Samples named right, samples seen.
_Counts = tuple[int, int]


class Accuracy(tfma.metrics.Metric):
    """Share of the examples whose label is the argmax of the prediction."""

    def __init__(self, name: str = METRIC) -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


metric_types.register_metric(Accuracy)


def _computations(name: str, eval_config: tfma.EvalConfig, model_name: str) -> list[metric_types.MetricComputation]:
    key = metric_types.MetricKey(name=name, model_name=model_name)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=_Count(key, eval_config))]


class _Count(beam.CombineFn):
    """Counts for one model."""

    def __init__(self, key: metric_types.MetricKey, eval_config: tfma.EvalConfig) -> None:
        super().__init__()
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> _Counts:
        return 0, 0

    def add_input(self, counts: _Counts, element: metric_types.StandardMetricInputs) -> _Counts:
        right, seen = counts
        for label, prediction, _ in metric_util.to_label_prediction_example_weight(
            element, eval_config=self._eval_config, model_name=self._key.model_name, flatten=False
        ):
            right += int(np.argmax(prediction) == label.item())
            seen += 1
        return right, seen

    def merge_accumulators(self, accumulators: Iterable[_Counts]) -> _Counts:
        right, seen = zip(*accumulators, strict=True)
        return sum(right), sum(seen)

    def extract_output(self, counts: _Counts) -> dict[metric_types.MetricKey, float]:
        right, seen = counts
        return {self._key: right / seen if seen else float("nan")}
