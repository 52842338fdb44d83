"""What the int8 model is asked for, as TFMA's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Not from the package itself, where later releases do not have all of them.
from tensorflow_model_analysis.proto import config_pb2

from components.tflm_evaluator.figures import OVER_MAJORITY, Figure, Name
from edge_deployer.task import Metric, Task

_BARELY = 1e-9
"""Better is more than equal, and TFMA's bounds hold what is equal."""


@dataclass(frozen=True)
class Thresholds:
    """When a model is blessed. A figure that its task does not have is not asked for."""

    min_accuracy: float  # Least accuracy over the eval split, 0 to 1.
    max_drop: float  # Most that the task's first figure may lie below the latest blessed model's, 0 to 1.
    min_slice_accuracy: float | None = None  # Least accuracy on every slice, or None.
    min_auc: float = 0.0  # Least area under the ROC curve, 0 to 1.
    min_recall: float | None = None  # Least share of class 1 that is found, or None.
    min_precision: float | None = None  # Least share that is right of what is named class 1, or None.
    better_than_constant: bool = True  # Whether accuracy must be more than the share of the commonest class.

    @property
    def least(self) -> Mapping[Metric, float]:
        """What each figure must reach."""
        found: dict[Metric, float | None] = {
            "accuracy": self.min_accuracy,
            "auc": self.min_auc,
            "recall": self.min_recall,
            "precision": self.min_precision,
        }
        return {metric: least for metric, least in found.items() if least is not None}


def eval_config(label_feature: str, slices: Sequence[str], thresholds: Thresholds) -> config_pb2.EvalConfig:
    """TFMA's configuration for an int8 model of any task that has labels; `for_task` leaves what one of them has.

    Every value of a feature in `slices` is a slice.
    """
    names: list[Name] = ["accuracy", "auc", "recall", "precision"]
    if thresholds.better_than_constant:
        names.append(OVER_MAJORITY)
    metrics = [config_pb2.MetricConfig(class_name="ExampleCount")]
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=label_feature, model_type="tf_lite")],
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=[name]) for name in slices)],
        metrics_specs=[
            config_pb2.MetricsSpec(metrics=[*metrics, *(_metric(name, slices, thresholds) for name in names)])
        ],
    )


def for_task(config: config_pb2.EvalConfig, task: Task) -> config_pb2.EvalConfig:
    """The configuration with the figures of this task alone, the first with what it may fall."""
    found = config_pb2.EvalConfig()
    found.CopyFrom(config)
    spec = found.metrics_specs[0]
    kept = []
    for metric in spec.metrics:
        if metric.class_name == Figure.__name__:
            name = json.loads(metric.config)["name"]
            if name not in task.metrics and not (name == OVER_MAJORITY and task.names_classes):
                continue
            metric.config = json.dumps({"name": name, "task": task.name, "threshold": task.threshold})
            if name != task.metrics[0]:
                metric.per_slice_thresholds[0].threshold.ClearField("change_threshold")
        kept.append(metric)
    del spec.metrics[:]
    spec.metrics.extend(kept)
    return found


def task_of(config: config_pb2.EvalConfig) -> Task:
    """The task that `for_task` has written into a configuration."""
    settings = next(
        json.loads(metric.config) for metric in config.metrics_specs[0].metrics if metric.class_name == Figure.__name__
    )
    return Task(name=settings["task"], threshold=settings["threshold"])


def _metric(name: Name, slices: Sequence[str], thresholds: Thresholds) -> config_pb2.MetricConfig:
    overall = config_pb2.MetricThreshold()
    least = _BARELY if name == OVER_MAJORITY else thresholds.least.get(name)
    if least is not None:
        overall.value_threshold.lower_bound.value = least
    if name in ("accuracy", "auc"):
        overall.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
        overall.change_threshold.absolute.value = -thresholds.max_drop
    on_slices = thresholds.min_slice_accuracy if name == "accuracy" else None
    return config_pb2.MetricConfig(
        class_name=Figure.__name__,
        module=Figure.__module__,
        config=json.dumps({"name": name}),
        # Not `threshold`: TFMA holds every slice against that one.
        per_slice_thresholds=[
            config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=overall),
            *_slice_thresholds(slices, on_slices),
        ],
    )


def _slice_thresholds(slices: Sequence[str], least: float | None) -> list[config_pb2.PerSliceMetricThreshold]:
    if least is None:
        return []
    bound = config_pb2.MetricThreshold(value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": least}))
    return [
        config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec(feature_keys=[name])], threshold=bound)
        for name in slices
    ]
