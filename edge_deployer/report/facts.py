"""What the report tells besides the deployment itself. Each part is None where its step did not run."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from edge_deployer.finding import AnyFinding
from edge_deployer.release.data_findings import GateResult
from edge_deployer.release.dsse import Envelope
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.task import Metric, Task

_ANY_NUMBER = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
AnyNumber = Annotated[float, WithJsonSchema(_ANY_NUMBER, mode="serialization")]
"""A figure that a diverged training can drive to infinity or NaN, which JSON can only say in words."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class ScaleFacts(_Facts):
    """Where the values of a part of the data lie, in the data's own unit."""

    mean: float
    spread: float = Field(description="standard deviation")


class AnomalyFacts(_Facts):
    """Records that have something wrong with them."""

    count: int
    left_out: bool = Field(description="whether no sample was made of them")
    records: dict[str, str] = Field(description="detail by name, of the first hundred")


class ExampleFacts(_Facts):
    """One sample of the data to look at, as the sensor gives it."""

    record: str = Field(description="name of its record")
    label: str | None = Field(description="name of its class; None of a regression")
    kind: Literal["picture", "waveform"]
    png: str | None = Field(default=None, description="of a picture: base64 of a PNG")
    curves: list[list[float]] | None = Field(
        default=None, description="of a waveform: a curve for each channel, from 0 (its lowest value) to 1"
    )
    wav: str | None = Field(default=None, description="of sound: base64 of a WAV file")


class DataFacts(_Facts):
    """The data set: where it came from and how it was split."""

    source: str
    fingerprint: str = Field(description="SHA-256 of the data file")
    splits: dict[str, int] = Field(description="examples in each split")
    class_names: list[str]
    group: str | None = Field(default=None, description="column that never stands in two splits")
    class_counts: dict[str, list[int]] = Field(
        default_factory=dict, description="for each split, samples of each class; empty where there are no labels"
    )
    repeated: int = Field(default=0, description="samples whose input stands in the file before")
    conflicting: int = Field(default=0, description="samples whose input stands under another label, too")
    shared: int = Field(default=0, description="samples outside the training split whose input stands in it")
    scales: dict[str, ScaleFacts] = Field(default_factory=dict, description="for each split, where its values lie")
    earlier_scale: ScaleFacts | None = Field(
        default=None, description="the training split of the run before, where that took other data"
    )
    records: int = Field(default=0, description="recordings or rows in the source, those included that are left out")
    anomalies: dict[str, AnomalyFacts] = Field(default_factory=dict, description="what is wrong with records, by kind")
    ignored: list[str] = Field(default_factory=list, description="the first files of kinds that are not read")
    described: dict[str, str] = Field(default_factory=dict, description="what was done to the recordings")
    examples: list[ExampleFacts] = Field(default_factory=list, description="a held-out sample of each class")


class Epoch(_Facts):
    """One point of the training curve."""

    loss: AnyNumber
    accuracy: AnyNumber | None = Field(default=None, description="None of a regression, as `eval_accuracy`")
    eval_loss: AnyNumber
    eval_accuracy: AnyNumber | None = None


class ConversionFacts(_Facts):
    """Float model against int8 model, both on the eval split."""

    metric: Metric
    float_figure: float
    int8_figure: float
    label_agreement: float | None = Field(description="None where answers are no classes")
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
    figure: float = Field(description="the first of the task's figures")


class EvaluationFacts(_Facts):
    """TFMA's judgement of the int8 model."""

    blessed: bool
    reason: AnyFinding | None = None
    examples: int
    task: Task
    figures: dict[Metric, float]
    least: dict[Metric, float] = Field(description="what each figure must reach")
    most: dict[Metric, float] = Field(default_factory=dict, description="what each error may be, in the targets' unit")
    majority: float | None = Field(default=None, description="share of the commonest class, where that was a limit")
    constant_error: float | None = Field(
        default=None,
        description="of a regression, least mean absolute error of a constant answer, where that was a limit",
    )
    max_drop: float
    max_rise: float | None = Field(
        default=None,
        description="of a regression, most that the first figure may lie over the latest blessed model's, as a share",
    )
    baseline: float | None = Field(
        default=None, description="first figure of the latest blessed model; None without one"
    )
    slices: list[SliceFacts]

    @property
    def metric(self) -> Metric:
        """The first of the task's figures: what models and slices are compared by."""
        return self.task.metrics[0]

    @property
    def figure(self) -> float:
        """Its value over the whole split."""
        return self.figures[self.metric]


class LineageStep(_Facts):
    """One artifact on the way from the data to the boards."""

    step: str
    artifact: str
    identity: str = Field(description="content digest, or the metadata store's id")


class SamplePicture(_Facts):
    """One acceptance sample to look at, with what boards said of it."""

    kind: Literal["picture", "waveform"]
    index: int = Field(description="its place in the acceptance set")
    png: str | None = Field(default=None, description="of a picture: base64 of a PNG")
    curves: list[list[float]] | None = Field(
        default=None, description="of a waveform: a curve for each channel, from 0 (its lowest value) to 1"
    )
    boards: list[str] = Field(description="those that gave this answer")
    answer: str
    reference: str | None = Field(description="TFLM's answer; None where the release was built without TFLM")
    truth: str | None = Field(description="None where nobody labelled the data")
    deviation: int | None = Field(description="largest difference from TFLM's output, in steps of the stored type")
    differs: bool = Field(description="whether the plan counts the answer as another than TFLM's")


SCHEMA_VERSION: Final = 2
"""Of `report.json`. 1 had verdicts in words, and no version; it is read, and shown in its own words."""


class Report(_Facts):
    """Everything the report shows."""

    schema_version: int = SCHEMA_VERSION
    title: str
    run_id: str | None = None
    deployment: Deployment
    data: DataFacts | None = None
    data_gates: list[GateResult] = Field(default_factory=list, description="what each gate on the data found")
    training: list[Epoch] | None = None
    conversion: ConversionFacts | None = None
    evaluation: EvaluationFacts | None = None
    validation: ValidationReport | None = None
    lineage: list[LineageStep] = Field(default_factory=list)
    samples: list[SamplePicture] = Field(default_factory=list)
    attestation: Envelope | None = Field(
        default=None, description="the release's, a DSSE envelope with an in-toto statement; null where there is none"
    )
