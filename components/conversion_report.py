"""What the converter records beside the model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from edge_deployer.task import Metric, Task

FILE_NAME = "conversion.json"


class TensorQuantisation(BaseModel):
    """An input or output: ``real = (stored - zero_point) * scale``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class ConversionReport(BaseModel):
    """Contents of `FILE_NAME` in the folder of the int8 model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature: str  # Name of the input, which is the feature it takes.
    input: TensorQuantisation
    output: TensorQuantisation
    model_bytes: int  # Size of the int8 model.
    representative_examples: int
    eval_examples: int
    task: Task  # What the model is for, and how that was found.
    float_figure: float | None  # The float model's on the eval split; None where the split does not allow it.
    int8_figure: float | None  # The same for the int8 model in TFLM; None if TFLM does not run it, too.
    # Share of the eval split on which both name the same class; None if TFLM does not run the model, or answers are no
    # classes.
    agreement: float | None
    refusal: str | None  # TFLM's reason for not running the model, or None.

    @property
    def metric(self) -> Metric:
        """The first of the task's figures: what float and int8 are compared by."""
        return self.task.metrics[0]
