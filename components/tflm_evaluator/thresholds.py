"""What the int8 model is asked for, as TFMA's configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Not from the package itself, where later releases do not have all of them.
from tensorflow_model_analysis.proto import config_pb2

from components.tflm_evaluator.figures import CONSTANT_MAE, OVER_MAJORITY, UNDER_CONSTANT, Figure, Name
from edge_deployer.errors import TinyopsError
from edge_deployer.task import ERRORS, Task

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
    max_mae: float | None = None  # Most that the mean absolute error may be, in the targets' unit, or None.
    max_rmse: float | None = None  # The same of the root mean square error.
    # Most that the mean absolute error may lie over the latest blessed model's, as a share of that, or None.
    max_rise: float | None = None
    # Whether accuracy must be more than the share of the commonest class, and the mean absolute error less than that of
    # the best constant answer.
    better_than_constant: bool = True

    @property
    def least(self) -> Mapping[Name, float]:
        """What each figure must reach."""
        found: dict[Name, float | None] = {
            "accuracy": self.min_accuracy,
            "auc": self.min_auc,
            "recall": self.min_recall,
            "precision": self.min_precision,
        }
        return {metric: least for metric, least in found.items() if least is not None}

    @property
    def most(self) -> Mapping[Name, float]:
        """What each figure may be."""
        found: dict[Name, float | None] = {"mae": self.max_mae, "rmse": self.max_rmse}
        return {metric: most for metric, most in found.items() if most is not None}


def eval_config(
    label_feature: str | None, slices: Sequence[str], thresholds: Thresholds, *, target_feature: str | None = None
) -> config_pb2.EvalConfig:
    """TFMA's configuration for an int8 model of a regression, or of any task that has labels.

    Of the latter `for_task` leaves what one of them has. Every value of a feature in `slices` is a slice.
    """
    names = _regression_names(thresholds) if target_feature is not None else _label_names(thresholds)
    metrics = [config_pb2.MetricConfig(class_name="ExampleCount")]
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=target_feature or label_feature, model_type="tf_lite")],
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=[name]) for name in slices)],
        metrics_specs=[
            config_pb2.MetricsSpec(metrics=[*metrics, *(_metric(name, slices, thresholds) for name in names)])
        ],
    )


def _label_names(thresholds: Thresholds) -> list[Name]:
    names: list[Name] = ["accuracy", "auc", "recall", "precision"]
    return [*names, OVER_MAJORITY] if thresholds.better_than_constant else names


def _regression_names(thresholds: Thresholds) -> list[Name]:
    return [*ERRORS, CONSTANT_MAE, UNDER_CONSTANT] if thresholds.better_than_constant else list(ERRORS)


def for_task(config: config_pb2.EvalConfig, task: Task) -> config_pb2.EvalConfig:
    """The configuration with the figures of this task alone, the first with what it may fall or rise.

    Raises:
        TinyopsError: the configuration has no figure of the task.
    """
    found = config_pb2.EvalConfig()
    found.CopyFrom(config)
    spec = found.metrics_specs[0]
    kept = []
    for metric in spec.metrics:
        if metric.class_name == Figure.__name__:
            name = json.loads(metric.config)["name"]
            if not _is_of(name, task):
                continue
            metric.config = json.dumps({"name": name, "task": task.name, "threshold": task.threshold})
            if name != task.metrics[0]:
                metric.per_slice_thresholds[0].threshold.ClearField("change_threshold")
        kept.append(metric)
    if all(metric.class_name != Figure.__name__ for metric in kept):
        wanted = "target_feature" if task.name == "regression" else "label_feature"
        raise TinyopsError(
            f"the task is {task.name}, and the evaluation has no figure of it", remedy=f"evaluate it with {wanted}"
        )
    del spec.metrics[:]
    spec.metrics.extend(kept)
    return found


def _is_of(name: Name, task: Task) -> bool:
    """Whether a figure is one of the task's, or what its first is held against."""
    if name == OVER_MAJORITY:
        return task.names_classes
    return task.name == "regression" if name in (CONSTANT_MAE, UNDER_CONSTANT) else name in task.metrics


def task_of(config: config_pb2.EvalConfig) -> Task:
    """The task that `for_task` has written into a configuration."""
    settings = next(
        json.loads(metric.config) for metric in config.metrics_specs[0].metrics if metric.class_name == Figure.__name__
    )
    return Task(name=settings["task"], threshold=settings["threshold"])


def _metric(name: Name, slices: Sequence[str], thresholds: Thresholds) -> config_pb2.MetricConfig:
    overall = config_pb2.MetricThreshold()
    least = _BARELY if name in (OVER_MAJORITY, UNDER_CONSTANT) else thresholds.least.get(name)
    if name == "mae":
        # Without any bound TFMA would bless no model; no error is less.
        least = 0.0
    if least is not None:
        overall.value_threshold.lower_bound.value = least
    if name in thresholds.most:
        overall.value_threshold.upper_bound.value = thresholds.most[name]
    if name == "mae" and thresholds.max_rise is not None:
        overall.change_threshold.direction = config_pb2.MetricDirection.LOWER_IS_BETTER
        overall.change_threshold.relative.value = thresholds.max_rise
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
