"""The task's figures as a device counts them, one a TFMA metric.

TFMA would take Keras' metrics, which round to float32 and trace themselves again for every slice and batch, seconds
each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util

from edge_deployer.quality import class_figure, constant_error, error_figure, majority_share, score_figure
from edge_deployer.task import ERRORS, Metric, Task
from edge_deployer.task_name import DEFAULT_THRESHOLD, TaskName
from edge_deployer.tensors import TensorSpec

Name = Metric | Literal["over_majority", "constant_mae", "under_constant"]
OVER_MAJORITY: Final = "over_majority"
"""The accuracy less the share of the commonest class."""
CONSTANT_MAE: Final = "constant_mae"
"""The least mean absolute error of a constant answer."""
UNDER_CONSTANT: Final = "under_constant"
"""How far the mean absolute error lies under that, as a share of the greater of the two: -1 to 1 in any unit."""

_REAL = TensorSpec("float32", ())

# The label and the class named, or the score, of each sample; for a regression its targets and answers, ``(values,)``.
_Judged = list[tuple[Any, Any]]


class Figure(tfma.metrics.Metric):
    """One figure of a model over the examples of a slice; not a number where a slice does not allow it.

    Predictions are the task's answers in real units, the scores of an anomaly detection.
    """

    def __init__(self, name: Name, task: TaskName, threshold: float = DEFAULT_THRESHOLD) -> None:
        computations = metric_util.merge_per_key_computations(_computations)
        super().__init__(computations, name=name, task=task, threshold=threshold)


metric_types.register_metric(Figure)


def _computations(
    name: str, task: TaskName, threshold: float, eval_config: tfma.EvalConfig, model_name: str
) -> list[metric_types.MetricComputation]:
    key = metric_types.MetricKey(name=name, model_name=model_name)
    combiner = _Judge(key, Task(name=task, threshold=threshold), eval_config)
    return [metric_types.MetricComputation(keys=[key], preprocessors=None, combiner=combiner)]


class _Judge(beam.CombineFn):
    """Judges one model."""

    def __init__(self, key: metric_types.MetricKey, task: Task, eval_config: tfma.EvalConfig) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Beam's, which says nothing of it
        self._key = key
        self._task = task
        self._eval_config = eval_config

    def create_accumulator(self) -> _Judged:
        return []

    def add_input(self, judged: _Judged, element: metric_types.StandardMetricInputs) -> _Judged:
        for label, prediction, _ in metric_util.to_label_prediction_example_weight(
            element, eval_config=self._eval_config, model_name=self._key.model_name, flatten=False
        ):
            judged.append(self._pair(label, np.asarray(prediction).reshape(1, -1)))
        return judged

    def _pair(self, label: Any, answer: Any) -> tuple[Any, Any]:
        if self._task.name == "regression":
            return np.asarray(label).reshape(-1), answer[0]
        value = answer[0, 0] if self._key.name == "auc" else self._task.named_classes(answer, _REAL)[0]
        return int(label.item()), float(value)

    def merge_accumulators(self, accumulators: Iterable[_Judged]) -> _Judged:
        return [sample for judged in accumulators for sample in judged]

    def extract_output(self, judged: _Judged) -> dict[metric_types.MetricKey, float]:
        labels, values = np.array([label for label, _ in judged]), np.array([value for _, value in judged])
        figure = _figure(self._key.name, labels, values) if judged else None
        return {self._key: float("nan") if figure is None else figure}


def _figure(name: Name, labels: Any, values: Any) -> float | None:
    if name == "auc":
        return score_figure(labels, values)
    if name == OVER_MAJORITY:
        return float(np.mean(values == labels)) - majority_share(labels)
    if name == CONSTANT_MAE:
        return constant_error(labels)
    if name == UNDER_CONSTANT:
        error, constant = error_figure("mae", values, labels, _REAL), constant_error(labels)
        return (constant - error) / max(constant, error) if max(constant, error) > 0 else 0.0
    if name in ERRORS:
        return error_figure(name, values, labels, _REAL)
    return class_figure(name, values, labels)
