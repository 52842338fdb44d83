"""What a board answered, as recorded. Every decision is a function of this and the plan alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.tensors import Array


class Failure(BaseModel):
    """Why a board could not be examined to the end.

    Attributes:
        kind: whose fault it looks like: the board or its line, or the model.
        reason: what happened, in words.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["board", "model"]
    reason: str


class SampleEvidence(BaseModel):
    """Answers to the first n samples of the acceptance set, index by index.

    Attributes:
        board_labels: class the board names: argmax of its output.
        reference_labels: class TFLM names for the same input.
        true_labels: the sample's label; None where the data has none.
        deviations: largest difference of any output element from TFLM's, in steps (see `deviation_steps`).
        latencies_us: microseconds the board reports for each inference.
    """

    model_config = ConfigDict(frozen=True)

    board_labels: tuple[int, ...]
    reference_labels: tuple[int, ...]
    true_labels: tuple[int, ...] | None
    deviations: tuple[int, ...]
    latencies_us: tuple[int, ...]


class BoardEvidence(BaseModel):
    """Everything one examination of one board found; what it did not get to is None.

    Attributes:
        board: its name in the inventory.
        failure: what ended the examination early.
        echo: whether the board echoed.
        running_hash: hex hash of the image it runs.
        arena_used: bytes, by the board's own figure.
        arena_bytes: bytes it has.
        faults: faults during the examination.
        last_fault: the board's words for the last one.
        samples: its answers.
    """

    model_config = ConfigDict(frozen=True)

    board: str
    failure: Failure | None = None
    echo: bool | None = None
    running_hash: str | None = None
    arena_used: int | None = None
    arena_bytes: int | None = None
    faults: int | None = None
    last_fault: str | None = None
    samples: SampleEvidence | None = None


def deviation_steps(observed: Array, reference: Array) -> Array:
    """Largest difference of each sample's outputs, in steps of the stored type.

    For integer outputs a step is one stored unit. For float outputs it is one ten-thousandth of the reference value, or
    of 1 where that is smaller; not-a-number where the reference has a number counts as the largest int32.

    Args:
        observed: the board's outputs, ``(n, ...)``.
        reference: TFLM's outputs, same shape and dtype.

    Returns:
        int64 ``(n,)``.
    """
    wide = np.float64 if observed.dtype.kind == "f" else np.int64
    difference = np.abs(observed.astype(wide) - reference.astype(wide)).reshape(len(observed), -1)
    if wide is np.float64:
        scale = 1e-4 * np.maximum(1.0, np.abs(reference.astype(wide))).reshape(len(observed), -1)
        limit = float(np.iinfo(np.int32).max)
        difference = np.ceil(np.nan_to_num(difference / scale, nan=limit, posinf=limit)).clip(0, limit)
    largest: Array = difference.max(axis=1).astype(np.int64)
    return largest
