"""The one sample that firmware is held against: from the sensor to the model's answer, as far as the release has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.front_end import GoldenVectors
from edge_deployer.tensors import Array, TensorSpec, quantize

Way = Literal["stored", "quantised"]
"""How features become the model's input: byte for byte, or as real values that are quantised."""


@dataclass(frozen=True)
class GoldenSample:
    """A sample of the acceptance set, and one of the front end's golden vectors."""

    input: Array  # Stored values, shape `TensorSpec.sample_shape`.
    output: Array | None  # TFLM's answer; None where the release was built without TFLM.
    label: int | None  # What it is; None where nobody labelled it.
    answer: int | None  # The class that TFLM's answer names; None where answers are no classes.
    raw: Array | None  # None where boards compute no features.
    features: Array | None
    way: Way | None  # How the features are the input; None where they are another sample's.


def golden_sample(acceptance: AcceptanceSet, vectors: GoldenVectors | None) -> GoldenSample:
    """One that is known from the sensor on if there is one, and that the model names right if there is one."""
    answers = _answers(acceptance)
    right = np.ones(len(acceptance), np.bool_)
    if answers is not None and acceptance.labels is not None:
        right = answers == acceptance.labels
    chained = list(_chained(acceptance, vectors)) if vectors is not None else []
    best = max(chained, key=lambda link: right[link[1]], default=None)
    vector, sample, way = best if best is not None else (0, int(right.argmax()), None)
    return GoldenSample(
        input=acceptance.inputs[sample],
        output=None if acceptance.outputs is None else acceptance.outputs[sample],
        label=None if acceptance.labels is None else int(acceptance.labels[sample]),
        answer=None if answers is None else int(answers[sample]),
        raw=None if vectors is None else vectors.raw[vector],
        features=None if vectors is None else vectors.features[vector],
        way=way,
    )


def _answers(acceptance: AcceptanceSet) -> Array | None:
    task, outputs = acceptance.task, acceptance.outputs
    if task is None or not task.names_classes or outputs is None:
        return None
    return task.named_classes(outputs, acceptance.output)


def _chained(acceptance: AcceptanceSet, vectors: GoldenVectors) -> Iterator[tuple[int, int, Way]]:
    """Golden vectors whose features are a sample's input: the vector, the sample, and how."""
    sample_of = {sample.tobytes(): index for index, sample in reversed(list(enumerate(acceptance.inputs)))}
    for vector, features in enumerate(vectors.features):
        for way, stored in _stored(features, acceptance.input):
            if stored.tobytes() in sample_of:
                yield vector, sample_of[stored.tobytes()], way


def _stored(features: Array, spec: TensorSpec) -> Iterator[tuple[Way, Array]]:
    if features.dtype.name == spec.dtype:
        yield "stored", features
    yield "quantised", quantize(features, spec)
