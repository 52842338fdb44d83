"""How good a model's answers are: accuracy, area under the ROC curve, mean absolute error. Pure numpy.

There is one formula for each in the project, so that the validator's figure, a board's and the one that is recomputed
from a release's evidence are the same number for the same outputs.
"""

from __future__ import annotations

from math import prod
from typing import Literal

import numpy as np
import numpy.typing as npt

from edge_deployer.tensors import Array, TensorSpec, dequantize

Metric = Literal["accuracy", "auc", "mae"]
"""What a model is judged by; `auc` is the area under the receiver operating characteristic."""


def choose_metric(
    input_spec: TensorSpec,
    output_spec: TensorSpec,
    *,
    labels: Array | None,
    targets: Array | None,
    class_names: tuple[str, ...] = (),
) -> Metric | None:
    """The metric that data and model allow.

    Targets make a regression. Labels make anomaly detection (0 normal, 1 anomaly) where the model has one output value,
    which is then the score, or where it is an autoencoder, whose error is. They make a classification otherwise.

    An autoencoder has as many output values as input values. So may a classifier: it has a name or a label for each of
    its outputs, where an autoencoder has labels 0 and 1 alone and more than two outputs.

    Args:
        input_spec: the model's input.
        output_spec: its output.
        labels: int64 ``(n,)``, or None.
        targets: real values ``(n, ...)``, or None.
        class_names: name of each class, if known.
    """
    if targets is not None:
        return "mae"
    if labels is None:
        return None
    given, answered = prod(input_spec.sample_shape), prod(output_spec.sample_shape)
    named = len(class_names) == answered or bool(np.any((labels < 0) | (labels > 1)))
    is_autoencoder = answered == given and answered > 2 and not named
    return "auc" if answered == 1 or is_autoencoder else "accuracy"


def named_classes(outputs: Array) -> npt.NDArray[np.int64]:
    """The class that each output names: the index of its greatest value, of equal ones the first.

    Args:
        outputs: stored or real values, ``(n, ...)``.

    Returns:
        int64 ``(n,)``.
    """
    named: npt.NDArray[np.int64] = np.asarray(outputs).reshape(len(outputs), -1).argmax(axis=1).astype(np.int64)
    return named


def right_answers(outputs: Array, labels: Array) -> npt.NDArray[np.bool_]:
    """Whether each output names its sample's class.

    Args:
        outputs: stored or real values, ``(n, ...)``.
        labels: class indices, ``(n,)``.

    Returns:
        bool ``(n,)``.
    """
    right: npt.NDArray[np.bool_] = named_classes(outputs) == labels
    return right


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
    answers = _real_rows(outputs, output_spec)
    if targets is None:
        return answers[:, 0]
    scores: npt.NDArray[np.float64] = np.mean(np.square(answers - _rows(targets)), axis=1)
    return scores


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


def figure(
    metric: Metric, outputs: Array, output_spec: TensorSpec, *, labels: Array | None, targets: Array | None
) -> float:
    """The metric's figure for a whole set: accuracy or AUC, 0 to 1, or mean absolute error in the targets' unit.

    Args:
        metric: what to compute.
        outputs: stored values, ``(n, ...)``.
        output_spec: the model's output.
        labels: for accuracy and AUC, ``(n,)``.
        targets: for mean absolute error, and for the AUC of an autoencoder; ``(n, ...)``.

    Raises:
        ValueError: the labels or targets that the metric needs are missing.
    """
    if metric == "mae" and targets is not None:
        return float(np.mean(absolute_errors(outputs, targets, output_spec)))
    if metric == "auc" and labels is not None:
        return auc(labels, anomaly_scores(outputs, targets, output_spec))
    if metric == "accuracy" and labels is not None:
        return float(np.mean(right_answers(outputs, labels)))
    raise ValueError(f"{metric} needs {'targets' if metric == 'mae' else 'labels'}")


def _real_rows(outputs: Array, spec: TensorSpec) -> npt.NDArray[np.float64]:
    return _rows(dequantize(outputs, spec))


def _rows(values: Array) -> npt.NDArray[np.float64]:
    """A row a sample."""
    return np.asarray(values, np.float64).reshape(len(values), -1)
