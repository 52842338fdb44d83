"""What the report tells besides the deployment itself. Each part is None where its step did not run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.rollout.deployment import Deployment


class _Facts(BaseModel):
    # A diverged training has a loss of NaN, which JSON cannot say as a number.
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class DataFacts(_Facts):
    """The data set: where it came from and how it was split."""

    source: str
    fingerprint: str = Field(description="SHA-256 of the data file")
    splits: dict[str, int] = Field(description="examples in each split")
    class_names: list[str]
    group: str | None = Field(default=None, description="column that never stands in two splits")


class Epoch(_Facts):
    """One point of the training curve."""

    loss: float
    accuracy: float
    eval_loss: float
    eval_accuracy: float


class ConversionFacts(_Facts):
    """Float model against int8 model, both on the eval split."""

    float_accuracy: float
    int8_accuracy: float
    label_agreement: float
    model_bytes: int
    representative_examples: int
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int


class SliceFacts(_Facts):
    """TFMA's figures on one slice of the eval split."""

    name: str
    examples: int
    accuracy: float


class EvaluationFacts(_Facts):
    """TFMA's judgement of the int8 model."""

    blessed: bool
    reason: str | None = None
    examples: int
    accuracy: float
    min_accuracy: float
    max_drop: float
    baseline_accuracy: float | None = Field(default=None, description="the latest blessed model; None without one")
    slices: list[SliceFacts]


class LineageStep(_Facts):
    """One artifact on the way from the data to the boards."""

    step: str
    artifact: str
    identity: str = Field(description="content digest, or the metadata store's id")


class SamplePicture(_Facts):
    """One acceptance sample as a picture, with what a board said of it."""

    png: str = Field(description="base64 of a PNG")
    board: str
    answer: str
    truth: str | None


class Report(_Facts):
    """Everything the report shows."""

    title: str
    run_id: str | None = None
    deployment: Deployment
    data: DataFacts | None = None
    training: list[Epoch] | None = None
    conversion: ConversionFacts | None = None
    evaluation: EvaluationFacts | None = None
    validation: ValidationReport | None = None
    lineage: list[LineageStep] = Field(default_factory=list)
    samples: list[SamplePicture] = Field(default_factory=list)
