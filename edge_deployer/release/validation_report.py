"""What the validator found out about a model, for whoever builds the release or reports on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from edge_deployer.quality import Metric

FILE_NAME = "validation.json"


class ValidationReport(BaseModel):
    """Contents of `FILE_NAME`. Figures that were not reached before a refusal are None.

    Attributes:
        blessed: whether the model may go to boards of this profile.
        reason: why not, or None.
        remedy: what helps against that; None where nothing has to, or nobody knows.
        profile: name of the board profile.
        operators: number of each operator in the model, by its TFLite name.
        precision: what the model computes in, see `edge_deployer.tflm.describe_precision`.
        macs: multiply-accumulates of one inference; None where an operator cannot be counted.
        model_bytes: size of the TFLite file.
        slot_limit: bytes of the largest image that a slot takes.
        arena_bytes: smallest arena in which TFLM runs the model on this 64-bit host, by bisection. It decides for a
            virtual board, a real board's own figure for that. None where TFLM is not installed.
        arena_limit: bytes that the board has for it.
        latency_us: estimate of one inference on the board, in microseconds; see `estimate_latency_us`.
        latency_note: what the estimate rests on, or why there is none.
        eval_samples: number of held-out samples: of the eval split, or of the data that was given.
        reference: whether TFLM computed what boards must answer; without it they are judged by `metric` alone.
        metric: what the held-out samples measure; None if they are not labelled.
        quality: the metric's figure over all of them in TFLM, see `edge_deployer.quality.figure`.
        accuracy: of a classification, the share of them that the int8 model names right in TFLM, 0 to 1.
        confusion: of a classification, counts ``confusion[label][predicted]`` over all of them.
        class_names: name of each class, in the order of `confusion`.
        acceptance_samples: number of samples in the acceptance set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    blessed: bool
    reason: str | None
    remedy: str | None = None
    profile: str
    operators: dict[str, int]
    precision: str | None = None
    macs: int | None
    model_bytes: int
    slot_limit: int
    arena_bytes: int | None
    arena_limit: int
    latency_us: float | None
    latency_note: str | None = None
    eval_samples: int
    reference: bool
    metric: Metric | None
    quality: float | None
    accuracy: float | None
    confusion: list[list[int]] | None
    class_names: list[str]
    acceptance_samples: int
