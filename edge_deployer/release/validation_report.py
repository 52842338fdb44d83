"""What the validator found out about a model, for whoever builds the release or reports on it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

FILE_NAME = "validation.json"


class ValidationReport(BaseModel):
    """Contents of `FILE_NAME`. Figures that were not reached before a refusal are None.

    Attributes:
        blessed: whether the model may go to boards of this profile.
        reason: why not, or None.
        profile: name of the board profile.
        operators: number of each operator in the model, by its TFLite name.
        macs: multiply-accumulates of one inference.
        model_bytes: size of the TFLite file.
        slot_limit: bytes of the largest image that a slot takes.
        arena_bytes: smallest arena in which TFLM runs the model on this host; an estimate for a 32-bit board.
        arena_limit: bytes that the board has for it.
        latency_us: estimate of one inference on the board, in microseconds; see `estimate_latency_us`.
        eval_samples: number of samples in the eval split.
        accuracy: share of them that the int8 model names right in TFLM, 0 to 1.
        confusion: counts, ``confusion[label][predicted]``, over the eval split.
        class_names: name of each class, in the order of `confusion`.
        acceptance_samples: number of samples in the acceptance set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    blessed: bool
    reason: str | None
    profile: str
    operators: dict[str, int]
    macs: int | None
    model_bytes: int
    slot_limit: int
    arena_bytes: int | None
    arena_limit: int
    latency_us: float | None
    eval_samples: int
    accuracy: float | None
    confusion: list[list[int]] | None
    class_names: list[str]
    acceptance_samples: int
