"""Host-side validation of a model: does it fit a board, does TFLM run it, and what should a board answer?

Needs the `sim` extra, because TFLM is the reference. A gateway that only deploys bundles never calls this.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.profile import BoardProfile
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.tensors import Array, TensorSpec, quantize
from edge_deployer.tflm import (
    InferenceCrashed,
    ModelRefused,
    TflmRunner,
    count_macs,
    estimate_latency_us,
    list_operators,
    smallest_arena,
)

IMAGE_OVERHEAD_BYTES = 4096
"""Room in a slot that the header, the manifest, the signature and MCUboot's trailer may take."""


@dataclass(frozen=True)
class LabelledSamples:
    """Held-out data to judge a model with.

    Attributes:
        values: ``(n, ...)``; real numbers, or stored values if the dtype is the integer dtype of the model's input.
        labels: class index of each sample, ``(n,)``, or None.
        class_names: may be empty.
    """

    values: Array
    labels: Array | None
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Validation:
    """The findings, and the acceptance set if the model was blessed."""

    report: ValidationReport
    acceptance: AcceptanceSet | None


def validate_model(
    model: bytes, profile: BoardProfile, data: LabelledSamples | None, *, acceptance_samples: int, seed: int
) -> Validation:
    """Check a model against a profile's limits and compute TFLM's answers. A refusal is a result, not an error.

    Args:
        model: bytes of a ``.tflite`` file.
        profile: the board it is meant for.
        data: held-out samples; None makes random inputs, which can show parity but not accuracy.
        acceptance_samples: size of the acceptance set, drawn from `data` stratified by label; fewer if there are fewer.
        seed: of the draw.

    Raises:
        TinyopsError: `data` does not fit the model's input, or the `sim` extra is not installed.
    """
    report = _first_report(model, profile, data)
    room = max(0, profile.image_bytes - IMAGE_OVERHEAD_BYTES)
    if len(model) > room:
        reason = f"the model has {len(model):,} bytes; a slot of {profile.name} has room for {room:,}"
        return Validation(report.model_copy(update={"reason": reason}), None)
    try:
        report = report.model_copy(update=_read_model(model, profile))
        arena = smallest_arena(model, limit=profile.arena_bytes)
        with TflmRunner(model, arena_bytes=arena) as runner:
            if data is None:
                data = LabelledSamples(random_inputs(runner.input, acceptance_samples, seed=seed), None)
            inputs = stored_inputs(data.values, runner.input)
            outputs = runner.run(inputs)
    except (ModelRefused, InferenceCrashed) as refusal:
        return Validation(report.model_copy(update={"reason": refusal.message}), None)
    everything = AcceptanceSet(inputs, outputs, data.labels, data.class_names)
    acceptance = draw(everything, acceptance_samples, seed=seed)
    found = {"blessed": True, "arena_bytes": arena, "acceptance_samples": len(acceptance)} | _measure(everything)
    return Validation(report.model_copy(update=found), acceptance)


def stored_inputs(values: Array, spec: TensorSpec) -> Array:
    """Samples as the model's input tensor stores them, ``(n, *spec.shape[1:])``.

    Args:
        values: ``(n, ...)``, real or already stored (see `LabelledSamples`).
        spec: the model's input.

    Raises:
        TinyopsError: a sample does not have as many values as the input tensor.
    """
    wanted = spec.nbytes // np.dtype(spec.dtype).itemsize
    given = values[0].size if len(values) else 0
    if given != wanted:
        raise TinyopsError(
            f"a sample of the data has shape {list(values.shape[1:])}, {given} values; the model's input is "
            f"{spec.describe()}, {wanted} values",
            remedy="give data in the shape that the model was trained on",
        )
    shaped = values.reshape(len(values), *spec.shape[1:])
    stored = values.dtype == np.dtype(spec.dtype) and values.dtype.kind in "iu"
    return shaped if stored else quantize(shaped, spec)


def random_inputs(spec: TensorSpec, samples: int, *, seed: int) -> Array:
    """Stored inputs for a model without data: uniform over an integer dtype, standard normal for floats."""
    generator = np.random.default_rng(seed)
    shape = (samples, *spec.shape[1:])
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def draw(everything: AcceptanceSet, samples: int, *, seed: int) -> AcceptanceSet:
    """A seeded sample, stratified by label: every class has its share of the whole, in shuffled order.

    Returns:
        `samples` samples, or all if there are fewer.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(everything))
    if everything.labels is not None:
        # Rank of each sample within its class, over the size of the class: sorting by it interleaves the classes
        # in proportion, so that any prefix of the order is stratified.
        labels = everything.labels[order]
        rank = np.empty(len(order))
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            rank[members] = (np.arange(len(members)) + generator.random()) / len(members)
        order = order[np.argsort(rank, kind="stable")]
    chosen = order[:samples]
    return AcceptanceSet(
        everything.inputs[chosen],
        everything.outputs[chosen],
        None if everything.labels is None else everything.labels[chosen],
        everything.class_names,
    )


def _first_report(model: bytes, profile: BoardProfile, data: LabelledSamples | None) -> ValidationReport:
    """What is known before the model is looked into."""
    return ValidationReport(
        blessed=False,
        reason=None,
        profile=profile.name,
        operators={},
        macs=None,
        model_bytes=len(model),
        slot_limit=profile.image_bytes,
        arena_bytes=None,
        arena_limit=profile.arena_bytes,
        latency_us=None,
        eval_samples=0 if data is None or data.labels is None else len(data.labels),
        accuracy=None,
        confusion=None,
        class_names=[] if data is None else list(data.class_names),
        acceptance_samples=0,
    )


def _read_model(model: bytes, profile: BoardProfile) -> dict[str, object]:
    """What the file says without running it.

    Raises:
        ModelRefused: it is not a TFLite file.
    """
    return {
        "operators": dict(Counter(operator.name for operator in list_operators(model))),
        "macs": count_macs(model),
        "latency_us": estimate_latency_us(model, profile),
    }


def _measure(everything: AcceptanceSet) -> dict[str, object]:
    """Accuracy and confusion matrix of TFLM's answers, where there are labels.

    Raises:
        TinyopsError: a label is not one of the model's outputs.
    """
    if everything.labels is None:
        return {}
    classes = everything.outputs[0].size
    highest = int(everything.labels.max())
    if highest >= classes or len(everything.class_names) not in (0, classes):
        raise TinyopsError(
            f"the data has {len(everything.class_names) or highest + 1} classes; the model has {classes} outputs",
            remedy="give the model's last layer one unit for each class, or correct the labels",
        )
    answered = everything.reference_labels
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (everything.labels, answered), 1)
    return {"accuracy": float((answered == everything.labels).mean()), "confusion": confusion.tolist()}
