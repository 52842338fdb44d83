"""Held-out samples, and whether they are samples for a model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.task import UNASKED, Answers, AskedTask, Task, find_task
from edge_deployer.tensors import Array, TensorSpec, dequantize, quantize


@dataclass(frozen=True)
class LabelledSamples:
    """Held-out data to judge a model with."""

    # ``(n, ...)``; real numbers, or stored values if the dtype is the integer dtype of the model's input.
    values: Array
    labels: Array | None  # Class index of each sample, or 0 normal and 1 anomaly, ``(n,)``; None where there are none.
    class_names: tuple[str, ...] = ()
    # Real values that the model should answer, ``(n, ...)``, for a regression; None where there are none.
    targets: Array | None = None
    # What part of the data each sample is from, one entry per sample; for stratifying alone. None if unknown.
    slices: Sequence[Hashable] | None = None
    source: str = "the data"  # What messages call the data.
    random: bool = False  # Whether the values are made up: they can show parity, and nothing of the quality.

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_labelled(self) -> bool:
        """Whether anything says what the model should answer."""
        return self.labels is not None or self.targets is not None


def fit_samples(data: LabelledSamples, answers: Answers, asked: AskedTask | Task = UNASKED) -> AcceptanceSet:
    """All samples as a model takes and is judged by them, in their order, without outputs.

    Args:
        data: the samples.
        answers: what is known of the model's answers.
        asked: what the user says of the task; the rest is found from data and model. Or the task itself.

    Raises:
        TinyopsError: samples, labels or targets do not fit the model or the task, or the outputs do not.
    """
    given, answered = answers.given, answers.answered
    if data.labels is not None and data.targets is not None:
        remedy = "keep 'targets' for a regression, 'labels' for anything else"
        raise TinyopsError(f"{data.source} has both 'labels' and 'targets'", remedy=remedy)
    _check_dtype(data, given)
    inputs = stored_inputs(data.values, given, source=data.source)
    labels = None if data.labels is None else np.asarray(data.labels, np.int64)
    targets = None if data.targets is None else _shaped_targets(data.targets, answered, data.source)
    classes = len(data.class_names) or None
    task = find_task(answers, asked, classes=classes, labels=labels, has_targets=targets is not None)
    if task is not None:
        _check_task(task, answers, data, labels)
    if task is not None and task.name == "anomaly" and labels is not None:
        targets = autoencoder_targets(inputs, given, answered)
    return AcceptanceSet(given, answered, inputs, None, labels, targets, task, data.class_names, data.random)


def stored_inputs(values: Array, spec: TensorSpec, *, source: str = "the data") -> Array:
    """Samples as the model's input tensor stores them, ``(n, *spec.sample_shape)``.

    Args:
        values: ``(n, ...)``, real or already stored (see `LabelledSamples`).
        spec: the model's input.
        source: what the message calls the data.

    Raises:
        TinyopsError: a sample does not have the shape of the input tensor.
    """
    if values.shape[1:] != spec.sample_shape:
        given, wanted = prod(values.shape[1:]), prod(spec.sample_shape)
        shape = ", ".join(map(str, (-1, *spec.sample_shape)))
        raise TinyopsError(
            f"a sample of {source} has shape {list(values.shape[1:])}, {given} values; the model's input is "
            f"{spec.describe()}, {wanted} values of shape {list(spec.sample_shape)}",
            remedy=f"save them as inputs.reshape({shape}), if that is their order"
            if given == wanted
            else "give data in the shape that the model was trained on",
        )
    stored = values.dtype == np.dtype(spec.dtype) and values.dtype.kind in "iu"
    return values if stored else quantize(values, spec)


def random_inputs(spec: TensorSpec, samples: int, *, seed: int) -> Array:
    """Stored inputs for a model without data: uniform over an integer dtype, standard normal for floats."""
    generator = np.random.default_rng(seed)
    shape = (samples, *spec.sample_shape)
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def _check_dtype(data: LabelledSamples, given: TensorSpec) -> None:
    """Integers are stored values; those of another dtype would be taken for real ones, and saturate."""
    found, wanted = data.values.dtype, np.dtype(given.dtype)
    if wanted.kind in "iu" and found.kind in "iub" and found != wanted:
        raise TinyopsError(
            f"{data.source}: 'inputs' is {found}{list(data.values.shape)}; the model's input is {given.describe()}",
            remedy=f"give real values as floats, or stored ones as {wanted}",
        )


def _check_task(task: Task, answers: Answers, data: LabelledSamples, labels: Array | None) -> None:
    """Outputs, labels and targets are those of the task."""
    if task.name == "regression" and data.targets is None and labels is not None:
        remedy = "name the true values 'targets', or another task"
        raise TinyopsError(f"{data.source} has 'labels'; the task is regression, which has 'targets'", remedy=remedy)
    if task.name != "regression" and data.targets is not None:
        remedy = "name the classes 'labels', or say that the task is regression"
        raise TinyopsError(f"{data.source} has 'targets'; the task is {task.name}, which has 'labels'", remedy=remedy)
    highest = 0 if labels is None else int(labels.max())
    classes: int | None = len(data.class_names) or None
    if task.name == "classification" and highest >= (classes or answers.values):
        classes = highest + 1
    task.require_outputs(answers.values, prod(answers.given.sample_shape), classes, data.source)
    if labels is not None and task.name in ("binary", "anomaly"):
        _check_two_labels(labels, data.source, answers.answered, task)


def _check_two_labels(labels: Array, source: str, answered: TensorSpec, task: Task) -> None:
    """Labels are 0 and 1, and of an anomaly detection both are there."""
    wrong = np.flatnonzero((labels < 0) | (labels > 1))
    if len(wrong):
        what = "an anomaly score" if task.name == "anomaly" else "that of a binary task"
        raise TinyopsError(
            f"{source}: 'labels'[{wrong[0]}] = {labels[wrong[0]]}; the model's output {answered.describe()} is {what}, "
            f"whose labels are 0 and 1 ({task.why})",
            remedy="label normal samples 0 and anomalies 1, or give a regression 'targets' instead"
            if task.name == "anomaly"
            else "label samples 0 or 1, or name another task",
        )
    if task.name == "anomaly" and labels.min() == labels.max():
        raise TinyopsError(
            f"{source}: 'labels' are all {labels[0]}; telling anomalies apart needs normal samples (0) and anomalies "
            "(1)",
            remedy="add samples of the other kind",
        )


def _shaped_targets(targets: Array, answered: TensorSpec, source: str) -> Array:
    wanted = prod(answered.sample_shape)
    values = targets[0].size if len(targets) else 0
    if values != wanted:
        raise TinyopsError(
            f"{source}: 'targets' is {targets.dtype}{list(targets.shape)}, {values} values a sample; the model's "
            f"output is {answered.describe()}, {wanted} values",
            remedy="give every sample as many target values as the model answers",
        )
    return np.asarray(targets, np.float64).reshape(len(targets), *answered.sample_shape)


def autoencoder_targets(inputs: Array, given: TensorSpec, answered: TensorSpec) -> Array | None:
    """What an autoencoder should answer to stored inputs (n, ...), in real values; None where one output is a score."""
    if prod(answered.sample_shape) == 1:
        return None
    return dequantize(inputs, given).reshape(len(inputs), *answered.sample_shape)
