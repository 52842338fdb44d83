"""How good a model's answers are: accuracy, area under the ROC curve, recall, precision, errors of a regression.

There is one formula for each in the project, so that the validator's figure, a board's and the one that is recomputed
from a release's evidence are the same number for the same outputs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edge_deployer.task import Metric, Task
from edge_deployer.tensors import Array, TensorSpec, dequantize

NO_SKILL_AUC = 0.5
"""Of a constant score."""


def right_answers(outputs: Array, labels: Array, output_spec: TensorSpec, task: Task) -> npt.NDArray[np.bool_]:
    """Whether each output, stored or real ``(n, ...)``, names its sample's class, of labels ``(n,)``; bool ``(n,)``."""
    right: npt.NDArray[np.bool_] = task.named_classes(outputs, output_spec) == labels
    return right


def majority_share(labels: Array) -> float:
    """Share of the commonest class, 0 to 1: what answering it every time would get right (no-information rate).

    Labels are class indices, 0 and up, ``(n,)``, n above 0.
    """
    return float(np.bincount(np.asarray(labels)).max() / len(labels))


def anomaly_scores(outputs: Array, targets: Array | None, output_spec: TensorSpec) -> npt.NDArray[np.float64]:
    """How anomalous the model finds each sample.

    Args:
        outputs: stored values, ``(n, ...)``.
        targets: for an autoencoder what it should give back, real values ``(n, ...)``; None for a model whose one
            output value is the score.
        output_spec: the model's output.

    Returns:
        float64 ``(n,)``: the mean squared error between dequantised output and target, as in MLPerf Tiny's anomaly
        detection, or the dequantised output. NaN where the model answers NaN.
    """
    return _real_rows(outputs, output_spec)[:, 0] if targets is None else _squared_errors(outputs, targets, output_spec)


def absolute_errors(outputs: Array, targets: Array, output_spec: TensorSpec) -> npt.NDArray[np.float64]:
    """Mean absolute error of the values of each output, in the targets' unit.

    Args:
        outputs: stored values, ``(n, ...)``.
        targets: real values, as many for a sample as an output has.
        output_spec: the model's output.

    Returns:
        float64 ``(n,)``; NaN where the model answers NaN.
    """
    errors: npt.NDArray[np.float64] = np.mean(np.abs(_real_rows(outputs, output_spec) - _rows(targets)), axis=1)
    return errors


def error_figure(metric: Metric, outputs: Array, targets: Array, output_spec: TensorSpec) -> float:
    """Mean absolute error (`mae`) or root mean square error (`rmse`) over all samples; arguments as `absolute_errors`.

    With several values a sample, each counts alike; NaN where the model answers NaN.
    """
    if metric == "mae":
        return float(np.mean(absolute_errors(outputs, targets, output_spec)))
    return float(np.sqrt(np.mean(_squared_errors(outputs, targets, output_spec))))


def constant_error(targets: Array) -> float:
    """The least mean absolute error of a constant answer: that of the median of each value.

    What `majority_share` is for classes: no constant does better, neither the training data's median nor its mean.

    Args:
        targets: real values, ``(n, ...)``, n above 0.
    """
    rows = _rows(targets)
    return float(np.mean(np.abs(rows - np.median(rows, axis=0))))


def auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve: the share of pairs of an anomaly and a normal sample that the scores put in order.

    Equal scores count half (Mann and Whitney 1947). A pair with a NaN counts as wrong: no answer is no detection, and
    neither is it a clean bill of health.

    Args:
        labels: 0 for normal, 1 for anomaly, ``(n,)``; at least one of each.
        scores: greater for more anomalous, ``(n,)``.
    """
    normal, anomalous = scores[labels == 0], scores[labels == 1]
    if not len(normal) or not len(anomalous):
        raise ValueError("the area under the ROC curve needs a normal sample and an anomaly")
    ordered = np.sort(normal[~np.isnan(normal)])
    compared = anomalous[~np.isnan(anomalous)]
    below, up_to = (np.searchsorted(ordered, compared, side) for side in ("left", "right"))
    return float((below.sum() + up_to.sum()) / 2 / (len(normal) * len(anomalous)))


def class_figure(metric: Metric, named: Array, labels: Array) -> float | None:
    """Accuracy, recall or precision, 0 to 1, of class 1 the last two; None without a sample to count.

    Both the classes that the answers name and the labels are class indices, ``(n,)``.
    """
    right = named == labels
    counted = {"accuracy": np.ones(len(labels), np.bool_), "recall": labels == 1, "precision": named == 1}[metric]
    return float(np.mean(right[counted])) if counted.any() else None


def score_figure(labels: Array, scores: Array) -> float | None:
    """The AUC as `auc` has it; None where one of the two kinds of samples is missing."""
    return auc(labels, scores) if 0 < np.count_nonzero(labels == 1) < len(labels) else None


def figures(
    task: Task, outputs: Array, output_spec: TensorSpec, *, labels: Array | None, targets: Array | None
) -> dict[Metric, float]:
    """The task's figures for a whole set, in the order of `Task.metrics`; what the data does not allow is absent.

    Errors are in the targets' unit, all others are 0 to 1.

    Args:
        task: which figures.
        outputs: stored values, ``(n, ...)``.
        output_spec: the model's output.
        labels: for all but a regression, ``(n,)``.
        targets: for a regression, and for the AUC of an autoencoder; ``(n, ...)``.
    """
    found: dict[Metric, float | None] = {}
    if task.name == "regression" and targets is not None:
        found.update({metric: error_figure(metric, outputs, targets, output_spec) for metric in task.metrics})
    if task.name != "regression" and labels is not None:
        for metric in task.metrics:
            if metric == "auc":
                found[metric] = score_figure(labels, anomaly_scores(outputs, targets, output_spec))
            else:
                found[metric] = class_figure(metric, task.named_classes(outputs, output_spec), labels)
    return {metric: figure for metric, figure in found.items() if figure is not None}


def _squared_errors(outputs: Array, targets: Array, spec: TensorSpec) -> npt.NDArray[np.float64]:
    """The mean over the values of each output."""
    errors: npt.NDArray[np.float64] = np.mean(np.square(_real_rows(outputs, spec) - _rows(targets)), axis=1)
    return errors


def _real_rows(outputs: Array, spec: TensorSpec) -> npt.NDArray[np.float64]:
    return _rows(dequantize(outputs, spec))


def _rows(values: Array) -> npt.NDArray[np.float64]:
    """A row a sample."""
    return np.asarray(values, np.float64).reshape(len(values), -1)
