"""What the validator found out about a model, for whoever builds the release or reports on it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_deployer.finding import AnyFinding, Told
from edge_deployer.task import Metric, Task, judging_metric

FILE_NAME = "validation.json"


class ValidationReport(BaseModel):
    """Contents of `FILE_NAME`. Figures that were not reached before a refusal are None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    blessed: bool = Field(description="whether the model may go to boards of this profile")
    reason: AnyFinding | None = Field(description="why not, or None; in records of before with `remedy`, in words")
    profile: str = Field(description="name of the board profile")
    operators: dict[str, int] = Field(description="number of each operator in the model, by its TFLite name")
    precision: str | None = Field(
        default=None, description="what the model computes in, see `edge_deployer.tflm.describe_precision`"
    )
    macs: int | None = Field(description="multiply-accumulates of one inference; None where they cannot be counted")
    model_bytes: int = Field(description="size of the TFLite file")
    slot_limit: int = Field(description="bytes of the largest image that a slot takes")
    arena_bytes: int | None = Field(
        description="smallest arena in which TFLM runs the model on this 64-bit host, by bisection. It decides for a "
        "virtual board, a real board's own figure for that. None where TFLM is not installed"
    )
    arena_limit: int = Field(description="bytes that the board has for it")
    latency_us: float | None = Field(description="estimate of one inference on the board, in microseconds")
    latency_note: str | None = Field(default=None, description="what the estimate rests on, or why there is none")
    eval_samples: int = Field(description="number of held-out samples: of the eval split, or of the data given")
    reference: bool = Field(
        description="whether TFLM computed what boards must answer; without it they are judged by `metric` alone"
    )
    task: Task | None = Field(description="what the model is for, and how that was found; None where nothing tells")
    figures: dict[Metric, float] = Field(
        description="the task's figures over all held-out samples in TFLM, see `edge_deployer.quality.figures`"
    )
    majority: float | None = Field(
        description="of labels that are classes, the share of the commonest, 0 to 1: what a constant answer gets right"
    )
    constant_error: float | None = Field(
        default=None,
        description="of the targets of a regression, the least mean absolute error of a constant answer, in their unit",
    )
    confusion: list[list[int]] | None = Field(
        description="where answers are classes, counts ``confusion[label][predicted]`` over all of them"
    )
    class_names: list[str] = Field(description="name of each class, in the order of `confusion`")
    acceptance_samples: int = Field(description="number of samples in the acceptance set")

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
