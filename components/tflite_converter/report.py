"""What the converter records beside the model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

FILE_NAME = "conversion.json"


class TensorQuantisation(BaseModel):
    """An input or output: ``real = (stored - zero_point) * scale``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class ConversionReport(BaseModel):
    """Contents of `FILE_NAME` in the folder of the int8 model.

    Attributes:
        feature: name of the input, which is the feature it takes.
        model_bytes: size of the int8 model.
        float_accuracy: accuracy of the float model on the eval split, 0 to 1.
        int8_accuracy: the same for the int8 model in TFLM; None if TFLM does not run it.
        agreement: share of the eval split on which both name the same class; None if TFLM does not run the model.
        refusal: TFLM's reason for not running the model, or None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature: str
    input: TensorQuantisation
    output: TensorQuantisation
    model_bytes: int
    representative_examples: int
    eval_examples: int
    float_accuracy: float
    int8_accuracy: float | None
    agreement: float | None
    refusal: str | None
