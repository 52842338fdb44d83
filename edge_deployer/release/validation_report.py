"""What the validator found out about a model, for whoever builds the release or reports on it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from edge_deployer.finding import AnyFinding, Told
from edge_deployer.task import Metric, Task, judging_metric

FILE_NAME = "validation.json"


class ValidationReport(BaseModel):
    """Contents of `FILE_NAME`. Figures that were not reached before a refusal are None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blessed: bool  # Whether the model may go to boards of this profile.
    reason: AnyFinding | None = None  # Why not, or None; in records of before with `remedy`, in words.
    profile: str  # Name of the board profile.
    operators: dict[str, int] = {}  # Number of each operator in the model, by its TFLite name.
    precision: str | None = None  # What the model computes in, see `edge_deployer.tflm.describe_precision`.
    macs: int | None = None  # Multiply-accumulates of one inference; None where an operator cannot be counted.
    model_bytes: int  # Size of the TFLite file.
    slot_limit: int  # Bytes of the largest image that a slot takes.
    # Smallest arena in which TFLM runs the model on this 64-bit host, by bisection. It decides for a virtual board, a
    # real board's own figure for that. None where TFLM is not installed.
    arena_bytes: int | None = None
    arena_limit: int  # Bytes that the board has for it.
    latency_us: float | None = None  # Of one inference on the board, estimated; see `estimate_latency_us`.
    latency_note: str | None = None  # What the estimate rests on, or why there is none.
    eval_samples: int  # Number of held-out samples: of the eval split, or of the data that was given.
    reference: bool = False  # Whether TFLM computed what boards must answer; else `metric` alone judges.
    task: Task | None = None  # What the model is for, and how that was found; None where nothing tells.
    # The task's figures over all held-out samples in TFLM, see `edge_deployer.quality.figures`.
    figures: dict[Metric, float] = {}
    # Of labels that are classes, the share of the commonest, 0 to 1: what a constant answer gets right.
    majority: float | None = None
    # Of the targets of a regression, the least mean absolute error of a constant answer, in their unit.
    constant_error: float | None = None
    # Where answers are classes, counts ``confusion[label][predicted]`` over all of them.
    confusion: list[list[int]] | None = None
    class_names: list[str]  # Name of each class, in the order of `confusion`.
    acceptance_samples: int = 0  # Number of samples in the acceptance set.

    @model_validator(mode="before")
    @classmethod
    def _words_of_before(cls, content: Any) -> Any:
        """Records of before had reason and remedy in words."""
        if not isinstance(content, dict) or "remedy" not in content:
            return content
        kept = {name: value for name, value in content.items() if name != "remedy"}
        if not isinstance(kept.get("reason"), str):
            return kept
        return kept | {"reason": Told(text=kept["reason"], help=content["remedy"] or "")}

    @property
    def metric(self) -> Metric | None:
        """The first figure of the task, by which models are compared; None where the samples are not labelled."""
        return judging_metric(self.task, self.eval_samples or None)

    @property
    def quality(self) -> float | None:
        """Its figure."""
        return None if self.metric is None else self.figures.get(self.metric)
