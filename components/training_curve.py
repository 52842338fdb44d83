"""The training curve that the user's `run_fn` may leave in its model run folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from pydantic import BaseModel, Field, model_validator

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_record

FILE_NAME: Final = "training.json"


class SplitCurve(BaseModel):
    """One split: a value after each epoch."""

    loss: list[float] = Field(min_length=1)
    accuracy: list[float] | None = Field(default=None, min_length=1)  # None of a regression.


class TrainingCurve(BaseModel):
    """Contents of `FILE_NAME`: as many values in each list as there were epochs."""

    train: SplitCurve
    eval: SplitCurve

    @model_validator(mode="after")
    def _as_many_of_each(self) -> TrainingCurve:
        curves = [values for split in (self.train, self.eval) for values in (split.loss, split.accuracy)]
        if len({len(values) for values in curves if values is not None}) > 1:
            raise ValueError("loss and accuracy of train and eval must be lists of one length")
        if (self.train.accuracy is None) != (self.eval.accuracy is None):
            raise ValueError("train and eval must both have an accuracy, or neither")
        return self


def read_training_curve(folder: Path) -> TrainingCurve | None:
    """The curve in a model run folder; None where there is none, or none that can be read.

    The user's code writes the file, and a picture in a report is all that it serves: whatever is wrong with it is
    logged, and stops no release.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        return read_record(TrainingCurve, path, f"training curve {path}", remedy="write it again")
    except TinyopsError as error:
        logging.getLogger(__name__).warning("%s is left out of the report: %s", path, error.message)
        return None
