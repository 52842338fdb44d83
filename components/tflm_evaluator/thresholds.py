"""What the int8 model is asked for, as TFMA's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Not from the package itself, where later releases do not have all of them.
from tensorflow_model_analysis.proto import config_pb2

from components.tflm_evaluator.accuracy import Accuracy


@dataclass(frozen=True)
class Thresholds:
    """When a model is blessed.

    Attributes:
        min_accuracy: least accuracy over the eval split, 0 to 1.
        max_drop: most that accuracy may lie below the latest blessed model's, 0 to 1.
        min_slice_accuracy: least accuracy on every slice, or None.
    """

    min_accuracy: float
    max_drop: float
    min_slice_accuracy: float | None


def eval_config(label_feature: str, slices: Sequence[str], thresholds: Thresholds) -> config_pb2.EvalConfig:
    """TFMA's configuration for an int8 classifier.

    Args:
        label_feature: the int64 feature with the class index.
        slices: features whose every value is a slice.
        thresholds: when to bless.
    """
    overall = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": thresholds.min_accuracy}),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -thresholds.max_drop}
        ),
    )
    accuracy = config_pb2.MetricConfig(
        class_name=Accuracy.__name__,
        module=Accuracy.__module__,
        # Not `threshold`: TFMA holds every slice against that one.
        per_slice_thresholds=[
            config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=overall),
            *_slice_thresholds(slices, thresholds.min_slice_accuracy),
        ],
    )
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=label_feature, model_type="tf_lite")],
        slicing_specs=[config_pb2.SlicingSpec(), *(config_pb2.SlicingSpec(feature_keys=[name]) for name in slices)],
        metrics_specs=[config_pb2.MetricsSpec(metrics=[config_pb2.MetricConfig(class_name="ExampleCount"), accuracy])],
    )


def _slice_thresholds(slices: Sequence[str], least: float | None) -> list[config_pb2.PerSliceMetricThreshold]:
    if least is None:
        return []
    bound = config_pb2.MetricThreshold(value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": least}))
    return [
        config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec(feature_keys=[name])], threshold=bound)
        for name in slices
    ]
