"""What the validator found out about a model, for whoever builds the release or reports on it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from edge_deployer.finding import AnyFinding, Told
from edge_deployer.task import Metric, Task, judging_metric

FILE_NAME = "validation.json"


class ValidationReport(BaseModel):
    """Contents of `FILE_NAME`. Figures that were not reached before a refusal are None.

    Attributes:
        blessed: whether the model may go to boards of this profile.
        reason: why not, or None; in earlier records with `remedy`, in words.
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
        task: what the model is for, and how that was found; None where nothing tells.
        figures: the task's figures over all held-out samples in TFLM, see `edge_deployer.quality.figures`.
        majority: of labels that are classes, the share of the commonest, 0 to 1: what a constant answer gets right.
        confusion: where answers are classes, counts ``confusion[label][predicted]`` over all of them.
        class_names: name of each class, in the order of `confusion`.
        acceptance_samples: number of samples in the acceptance set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    blessed: bool
    reason: AnyFinding | None
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
    task: Task | None
    figures: dict[Metric, float]
    majority: float | None
    confusion: list[list[int]] | None
    class_names: list[str]
    acceptance_samples: int

    @model_validator(mode="before")
    @classmethod
    def _words_of_before(cls, content: Any) -> Any:
        """Earlier records had reason and remedy in words."""
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
