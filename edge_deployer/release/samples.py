"""Held-out samples, and whether they are samples for a model."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.quality import choose_metric
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.tensors import Array, TensorSpec, dequantize, quantize


@dataclass(frozen=True)
class LabelledSamples:
    """Held-out data to judge a model with.

    Attributes:
        values: ``(n, ...)``; real numbers, or stored values if the dtype is the integer dtype of the model's input.
        labels: class index of each sample, or 0 normal and 1 anomaly, ``(n,)``; None where there are none.
        class_names: may be empty.
        targets: real values that the model should answer, ``(n, ...)``, for a regression; None where there are none.
        slices: what part of the data each sample is from, one entry a sample; for stratifying alone. None if unknown.
        source: what messages call the data.
    """

    values: Array
    labels: Array | None
    class_names: tuple[str, ...] = ()
    targets: Array | None = None
    slices: Sequence[Hashable] | None = None
    source: str = "the data"

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_labelled(self) -> bool:
        """Whether anything says what the model should answer."""
        return self.labels is not None or self.targets is not None


def fit_samples(data: LabelledSamples, given: TensorSpec, answered: TensorSpec) -> AcceptanceSet:
    """All samples as a model takes and is judged by them, in their order, without outputs.

    Args:
        data: the samples.
        given: the model's input.
        answered: its output.

    Raises:
        TinyopsError: samples, labels or targets do not fit the model.
    """
    if data.labels is not None and data.targets is not None:
        raise TinyopsError(
            f"{data.source} has both 'labels' and 'targets'",
            remedy="keep 'targets' for a regression, 'labels' for anything else",
        )
    _check_dtype(data, given)
    inputs = stored_inputs(data.values, given, source=data.source)
    labels = None if data.labels is None else np.asarray(data.labels, np.int64)
    targets = None if data.targets is None else _shaped_targets(data.targets, answered, data.source)
    metric = choose_metric(given, answered, labels=labels, targets=targets, class_names=data.class_names)
    if metric == "accuracy" and labels is not None:
        _check_classes(labels, data, answered)
    if metric == "auc" and labels is not None:
        _check_anomalies(labels, data.source, answered)
        targets = _autoencoder_targets(inputs, given, answered)
    return AcceptanceSet(given, answered, inputs, None, labels, targets, metric, data.class_names)


def stored_inputs(values: Array, spec: TensorSpec, *, source: str = "the data") -> Array:
    """Samples as the model's input tensor stores them, ``(n, *spec.sample_shape)``.

    Args:
        values: ``(n, ...)``, real or already stored (see `LabelledSamples`).
        spec: the model's input.
        source: what the message calls the data.

    Raises:
        TinyopsError: a sample does not have as many values as the input tensor.
    """
    wanted = prod(spec.sample_shape)
    given = values[0].size if len(values) else 0
    if given != wanted:
        raise TinyopsError(
            f"a sample of {source} has shape {list(values.shape[1:])}, {given} values; the model's input is "
            f"{spec.describe()}, {wanted} values",
            remedy="give data in the shape that the model was trained on",
        )
    shaped = values.reshape(len(values), *spec.sample_shape)
    stored = values.dtype == np.dtype(spec.dtype) and values.dtype.kind in "iu"
    return shaped if stored else quantize(shaped, spec)


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


def _check_classes(labels: Array, data: LabelledSamples, answered: TensorSpec) -> None:
    classes = prod(answered.sample_shape)
    highest = int(labels.max())
    if highest >= classes or len(data.class_names) not in (0, classes):
        raise TinyopsError(
            f"{data.source} has {max(len(data.class_names), highest + 1)} classes; the model has {classes} outputs",
            remedy="give the model's last layer one unit for each class, or correct the labels",
        )


def _check_anomalies(labels: Array, source: str, answered: TensorSpec) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels > 1))
    if len(wrong):
        raise TinyopsError(
            f"{source}: 'labels'[{wrong[0]}] = {labels[wrong[0]]}; the model's output {answered.describe()} is an "
            "anomaly score, whose labels are 0 and 1",
            remedy="label normal samples 0 and anomalies 1, or give a regression 'targets' instead",
        )
    if labels.min() == labels.max():
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


def _autoencoder_targets(inputs: Array, given: TensorSpec, answered: TensorSpec) -> Array | None:
    """What an autoencoder should give back; None for a model whose output is the score."""
    if prod(answered.sample_shape) == 1:
        return None
    return dequantize(inputs, given).reshape(len(inputs), *answered.sample_shape)
