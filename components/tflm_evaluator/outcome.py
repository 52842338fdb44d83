"""An evaluation in words and numbers, read from its artifact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma

from components.tflm_evaluator.figures import CONSTANT_MAE, OVER_MAJORITY, UNDER_CONSTANT
from components.tflm_evaluator.thresholds import task_of
from edge_deployer.finding import Finding, Told
from edge_deployer.release.refusals import (
    AboveBaseline,
    AboveThreshold,
    AsGoodAsConstant,
    BelowBaseline,
    BelowThreshold,
    NoExampleInSlice,
    NotBlessed,
)
from edge_deployer.task import ERRORS, Task

# Written in the place of TFMA's files when TFLM does not run the model.
REFUSAL_FILE = "refusal.txt"

# Written beside TFMA's files when the latest blessed model could not be compared with the candidate.
DROPPED_BASELINE_FILE = "dropped_baseline.txt"


def refusal_reason(evaluation_uri: str, class_names: Sequence[str] = ()) -> Finding | None:
    """Why the Evaluator withheld its blessing, or None if it gave it; without names a class is called by its index."""
    refusal = Path(evaluation_uri, REFUSAL_FILE)
    if refusal.is_file():
        return NotBlessed(findings=(Told(text=refusal.read_text()),))
    result = tfma.load_validation_result(evaluation_uri)
    if result.validation_ok:
        return None
    overall, baseline = overall_metrics(evaluation_uri), baseline_metrics(evaluation_uri)
    found = [
        _describe(failure, _slice_name(group.slice_key, _label(evaluation_uri), class_names), overall, baseline)
        for group in result.metric_validations_per_slice
        for failure in group.failures
    ]
    missing = [NoExampleInSlice(slice=_spec_name(spec)) for spec in result.missing_slices]
    return NotBlessed(findings=(*found, *missing))


def dropped_baseline(evaluation_uri: str) -> str | None:
    """Why the candidate was not compared with the latest blessed model; None if it was, or if there was none."""
    file = Path(evaluation_uri, DROPPED_BASELINE_FILE)
    return file.read_text() if file.is_file() else None


def overall_metrics(evaluation_uri: str) -> dict[str, float]:
    """Metrics of the candidate over the whole eval split, e.g. ``{"accuracy": 0.98, "example_count": 360.0}``.

    The task's figures, what they are held against where that was asked for (`components.tflm_evaluator.figures`), and
    the number of examples. Empty if TFLM does not run the model.
    """
    return slice_metrics(evaluation_uri).get("overall", {})


def evaluated_task(evaluation_uri: str) -> Task | None:
    """What the model was evaluated as; None if TFLM does not run it."""
    if Path(evaluation_uri, REFUSAL_FILE).is_file():
        return None
    return task_of(tfma.load_eval_result(evaluation_uri, model_name=None).config)


def slice_metrics(evaluation_uri: str, class_names: Sequence[str] = ()) -> dict[str, dict[str, float]]:
    """Metrics of the candidate for each slice, e.g. ``{"overall": {...}, "label = 3": {...}}``, or "label = three"."""
    if Path(evaluation_uri, REFUSAL_FILE).is_file():
        return {}
    return _metrics(evaluation_uri, _model_name(evaluation_uri, baseline=False), class_names)


def baseline_metrics(evaluation_uri: str) -> dict[str, float]:
    """Metrics of the model that the candidate was compared with, over the whole eval split; empty without one."""
    if Path(evaluation_uri, REFUSAL_FILE).is_file():
        return {}
    name = _model_name(evaluation_uri, baseline=True)
    return {} if name is None else _metrics(evaluation_uri, name)["overall"]


def _metrics(
    evaluation_uri: str, model_name: str | None, class_names: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    label = _label(evaluation_uri)
    results = tfma.load_eval_results([evaluation_uri], model_name=model_name).get_results()
    return {
        _name(slice_key, label, class_names) or "overall": {
            name: value["doubleValue"] for name, value in metrics[""][""].items() if "doubleValue" in value
        }
        for slice_key, metrics in results[0].slicing_metrics
    }


def _model_name(evaluation_uri: str, *, baseline: bool) -> str | None:
    """TFMA gives models names only where there is a baseline to tell the candidate from."""
    specs = tfma.load_eval_result(evaluation_uri, model_name=None).config.model_specs
    return next((spec.name for spec in specs if spec.is_baseline == baseline), None) if len(specs) > 1 else None


def _describe(failure: Any, where: str | None, overall: Mapping[str, float], baseline: Mapping[str, float]) -> Finding:
    value, name = failure.metric_value.double_value.value, failure.metric_key.name
    threshold = failure.metric_threshold
    if failure.metric_key.is_diff and name in ERRORS:
        allowed = threshold.change_threshold.relative.value
        return AboveBaseline(metric=name, rise=value, baseline=baseline[name], allowed=allowed, where=where)
    if failure.metric_key.is_diff:
        allowed = -threshold.change_threshold.absolute.value
        return BelowBaseline(metric=name, drop=-value, allowed=allowed, where=where)
    if name == OVER_MAJORITY:
        accuracy = overall["accuracy"]
        return AsGoodAsConstant(metric="accuracy", figure=accuracy, constant=accuracy - value)
    if name == UNDER_CONSTANT:
        return AsGoodAsConstant(metric="mae", figure=overall["mae"], constant=overall[CONSTANT_MAE])
    if threshold.value_threshold.HasField("upper_bound"):
        most = threshold.value_threshold.upper_bound.value
        return AboveThreshold(metric=name, figure=value, threshold=most, where=where)
    return BelowThreshold(metric=name, figure=value, threshold=threshold.value_threshold.lower_bound.value, where=where)


def _slice_name(slice_key: Any, label: str, class_names: Sequence[str]) -> str | None:
    """None for the whole split."""
    pairs = ((key.column, getattr(key, key.WhichOneof("kind"))) for key in slice_key.single_slice_keys)
    return _name(pairs, label, class_names) or None


def _spec_name(spec: Any) -> str:
    return ", ".join([*spec.feature_keys, *(f"{k} = {v}" for k, v in spec.feature_values.items())])


def _name(pairs: Iterable[tuple[str, Any]], label: str, class_names: Sequence[str]) -> str:
    """A slice by its columns; a class has the name that it has everywhere."""
    return ", ".join(
        f"{column} = {class_names[int(value)] if column == label and class_names else value}" for column, value in pairs
    )


def _label(evaluation_uri: str) -> str:
    """The column of the labels."""
    return str(tfma.load_eval_result(evaluation_uri, model_name=None).config.model_specs[0].label_key)
