"""Whether a board's outputs are TFLM's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_deployer.acceptance.reference import Reference
from edge_deployer.tensors import Array

BoolArray = npt.NDArray[np.bool_]


def other_label(outputs: Array, reference: Reference, samples: Sequence[int]) -> BoolArray:
    """Where the class that a board names is not TFLM's; all false without a reference or without classes.

    `outputs` are the board's, shape (n, ...), and `samples` are the index of each in the reference.
    """
    expected = reference.reference_labels
    if expected is None:
        return np.zeros(len(outputs), np.bool_)
    return np.asarray(reference.named_classes(outputs) != expected[list(samples)], np.bool_)


def far_off(outputs: Array, reference: Reference, samples: Sequence[int], tolerance: int) -> BoolArray:
    """Where an output element is more than `tolerance` steps off TFLM's; arguments as for `other_label`."""
    expected = reference.reference_outputs
    if expected is None:
        return np.zeros(len(outputs), np.bool_)
    flat = outputs.reshape(len(outputs), -1)
    return np.asarray(deviation_steps(flat, expected[list(samples)]) > tolerance, np.bool_)


def differs(outputs: Array, reference: Reference, samples: Sequence[int], tolerance: int) -> BoolArray:
    """Where a board's answer is not TFLM's: another class, or outputs out of the tolerance."""
    return other_label(outputs, reference, samples) | far_off(outputs, reference, samples, tolerance)


def identical(ours: Array, theirs: Array) -> BoolArray:
    """Where two outputs of one shape (n, ...) and dtype are the same to the last bit, not-a-number too; bool (n,)."""
    rows = [np.ascontiguousarray(outputs).reshape(len(outputs), -1).view(np.uint8) for outputs in (ours, theirs)]
    return np.asarray((rows[0] == rows[1]).all(axis=1), np.bool_)


def deviation_steps(observed: Array, reference: Array) -> Array:
    """Largest difference of each sample's outputs, both (n, ...) of one dtype, in steps of the stored type: int64 (n,).

    For integer outputs a step is one stored unit. For float outputs it is one ten-thousandth of the reference value, or
    of 1 where that is smaller; not-a-number or infinity where the reference has another value counts as the largest
    int32, and none where the reference has the same.
    """
    ours, theirs = (values.reshape(len(values), -1) for values in (observed, reference))
    if observed.dtype.kind == "f":
        difference = _relative_steps(ours.astype(np.float64), theirs.astype(np.float64))
    else:
        difference = np.abs(ours.astype(np.int64) - theirs.astype(np.int64))
    largest: Array = difference.max(axis=1).astype(np.int64)
    return largest


def _relative_steps(observed: Array, reference: Array) -> Array:
    limit = float(np.iinfo(np.int32).max)
    # Infinity less infinity is no number, which is what it should count as.
    with np.errstate(invalid="ignore"):
        steps = np.abs(observed - reference) / (1e-4 * np.maximum(1.0, np.abs(reference)))
    steps = np.ceil(np.nan_to_num(steps, nan=limit, posinf=limit)).clip(0, limit)
    same = (observed == reference) | (np.isnan(observed) & np.isnan(reference))
    found: Array = np.where(same, 0, steps)
    return found
