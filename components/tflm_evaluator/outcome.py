"""An evaluation in words and numbers, read from its artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma

from components.tflm_evaluator.figures import OVER_MAJORITY
from components.tflm_evaluator.thresholds import task_of
from edge_deployer.quality import constant_is_as_good
from edge_deployer.task import Task

# Written in the place of TFMA's files when TFLM does not run the model.
REFUSAL_FILE = "refusal.txt"

# Written beside TFMA's files when the latest blessed model could not be compared with the candidate.
DROPPED_BASELINE_FILE = "dropped_baseline.txt"


def refusal_reason(evaluation_uri: str) -> str | None:
    """Why the Evaluator withheld its blessing, in words, or None if it gave it.

    Args:
        evaluation_uri: folder of the ``evaluation`` artifact.
    """
    refusal = Path(evaluation_uri, REFUSAL_FILE)
    if refusal.is_file():
        return refusal.read_text()
    result = tfma.load_validation_result(evaluation_uri)
    if result.validation_ok:
        return None
    accuracy = overall_metrics(evaluation_uri).get("accuracy", 0.0)
    found = [
        _describe(failure, _slice_name(group.slice_key), accuracy)
        for group in result.metric_validations_per_slice
        for failure in group.failures
    ]
    missing = [f"no example falls in slice {_spec_name(spec)}" for spec in result.missing_slices]
    return "; ".join(found + missing)


def dropped_baseline(evaluation_uri: str) -> str | None:
    """Why the candidate was not compared with the latest blessed model; None if it was, or if there was none."""
    file = Path(evaluation_uri, DROPPED_BASELINE_FILE)
    return file.read_text() if file.is_file() else None


def overall_metrics(evaluation_uri: str) -> dict[str, float]:
    """Metrics of the candidate over the whole eval split, e.g. ``{"accuracy": 0.98, "example_count": 360.0}``.

    The task's figures, `OVER_MAJORITY` where it was asked for, and the number of examples. Empty if TFLM does not run
    the model.
    """
    return slice_metrics(evaluation_uri).get("overall", {})


def evaluated_task(evaluation_uri: str) -> Task | None:
    """What the model was evaluated as; None if TFLM does not run it."""
    if Path(evaluation_uri, REFUSAL_FILE).is_file():
        return None
    return task_of(tfma.load_eval_result(evaluation_uri, model_name=None).config)


def slice_metrics(evaluation_uri: str) -> dict[str, dict[str, float]]:
    """Metrics of the candidate for each slice, e.g. ``{"overall": {...}, "label = 3": {...}}``."""
    if Path(evaluation_uri, REFUSAL_FILE).is_file():
        return {}
    return _metrics(evaluation_uri, _model_name(evaluation_uri, baseline=False))


def baseline_metrics(evaluation_uri: str) -> dict[str, float]:
    """Metrics of the model that the candidate was compared with, over the whole eval split; empty without one."""
    if Path(evaluation_uri, REFUSAL_FILE).is_file():
        return {}
    name = _model_name(evaluation_uri, baseline=True)
    return {} if name is None else _metrics(evaluation_uri, name)["overall"]


def _metrics(evaluation_uri: str, model_name: str | None) -> dict[str, dict[str, float]]:
    results = tfma.load_eval_results([evaluation_uri], model_name=model_name).get_results()
    return {
        _key_name(slice_key): {
            name: value["doubleValue"] for name, value in metrics[""][""].items() if "doubleValue" in value
        }
        for slice_key, metrics in results[0].slicing_metrics
    }


def _model_name(evaluation_uri: str, *, baseline: bool) -> str | None:
    """TFMA gives models names only where there is a baseline to tell the candidate from."""
    specs = tfma.load_eval_result(evaluation_uri, model_name=None).config.model_specs
    return next((spec.name for spec in specs if spec.is_baseline == baseline), None) if len(specs) > 1 else None


def _describe(failure: Any, where: str, accuracy: float) -> str:
    value, name = failure.metric_value.double_value.value, failure.metric_key.name
    threshold = failure.metric_threshold
    if failure.metric_key.is_diff:
        allowed = -threshold.change_threshold.absolute.value
        return f"{name} is {-value:.4f} below the latest blessed model's on {where}; {allowed:.4f} is allowed"
    if name == OVER_MAJORITY:
        return constant_is_as_good(accuracy, accuracy - value)
    return f"{name} {value:.4f} is below {threshold.value_threshold.lower_bound.value:.4f} on {where}"


def _slice_name(slice_key: Any) -> str:
    if not slice_key.single_slice_keys:
        return "the whole eval split"
    pairs = (f"{key.column} = {getattr(key, key.WhichOneof('kind'))}" for key in slice_key.single_slice_keys)
    return "slice " + ", ".join(pairs)


def _spec_name(spec: Any) -> str:
    return ", ".join([*spec.feature_keys, *(f"{k} = {v}" for k, v in spec.feature_values.items())])


def _key_name(slice_key: tuple[Any, ...]) -> str:
    return ", ".join(f"{column} = {value}" for column, value in slice_key) or "overall"
