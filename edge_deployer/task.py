"""What a model is for, and how its answers are read: the one notion of it from the evaluation to the boards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose, prod
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from edge_deployer.errors import TinyopsError
from edge_deployer.task_name import DEFAULT_THRESHOLD, TaskName
from edge_deployer.tensors import Array, TensorSpec, dequantize

Metric = Literal["accuracy", "auc", "recall", "precision", "mae", "rmse"]
"""A figure of quality; `auc` is the area under the receiver operating characteristic."""

ERRORS: Final[tuple[Metric, ...]] = ("mae", "rmse")
"""The figures of which less is better; they are in the targets' unit, all others are 0 to 1."""

Threshold = Annotated[float, Field(allow_inf_nan=False)]
NO_CLASS = -1
"""What an answer that is not a number names."""

_METRICS: dict[TaskName, tuple[Metric, ...]] = {
    "classification": ("accuracy",),
    "binary": ("accuracy", "auc", "recall", "precision"),
    "anomaly": ("auc",),
    "regression": ERRORS,
}
_PROBABILITIES = ("SOFTMAX", "LOGISTIC")
_PROBABILITY_STEP = 1 / 256
"""Scale of an 8-bit output of SOFTMAX or LOGISTIC, by TFLite's quantisation specification."""


class Task(BaseModel):
    """What a model is for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: TaskName = Field(
        description="classification: the first of the greatest outputs is the class. binary: one output; class 1 where "
        "it is over the threshold, else class 0. anomaly: one output is the score, or the model is an autoencoder and "
        "its error is. regression: the outputs are real values."
    )
    threshold: Threshold = Field(default=DEFAULT_THRESHOLD, description="of a binary task, in the output's real units")
    why: str = Field(default="", description="how the task was found")

    @property
    def names_classes(self) -> bool:
        """Whether an answer is a class."""
        return self.name in ("classification", "binary")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The task's figures; the first is what a model is compared by."""
        return _METRICS[self.name]

    @property
    def rule(self) -> str:
        """How an answer is read, in a phrase."""
        if self.name == "binary":
            return f"class 1 where the output is over {self.threshold:g}"
        return {
            "classification": "the class of the greatest output",
            "anomaly": "the greater the score, the more anomalous",
            "regression": "real values",
        }[self.name]

    @property
    def in_words(self) -> str:
        """Name, how it was found, and the rule."""
        return f"{self.name}{f' ({self.why})' if self.why else ''}; {self.rule}"

    def named_classes(self, outputs: Array, spec: TensorSpec) -> npt.NDArray[np.int64]:
        """The class that each answer names, int64 ``(n,)``; `NO_CLASS` for one output that is not a number.

        Over the threshold, not at it, as Keras' BinaryAccuracy and TFMA have it; of equal outputs the first.

        Args:
            outputs: stored values, ``(n, ...)``; real ones for a spec without a scale.
            spec: the model's output.

        Raises:
            ValueError: the task has no classes.
        """
        if not self.names_classes:
            raise ValueError(f"{self.name} names no classes")
        rows = np.asarray(outputs).reshape(len(outputs), -1)
        if self.name == "classification":
            return np.asarray(rows.argmax(axis=1), np.int64)
        score = dequantize(rows[:, 0], spec)
        return np.where(np.isnan(score), NO_CLASS, score > np.float32(self.threshold)).astype(np.int64)

    def require_outputs(
        self, outputs: int, inputs: int, classes: int | None, source: str, *, targets: int | None = None
    ) -> None:
        """See that a model's outputs are answers to the task.

        Args:
            outputs: values that the model answers for a sample.
            inputs: values that it takes.
            classes: number of classes; None where unknown.
            source: where task, classes and targets are from, for the message.
            targets: values that a regression is to answer for a sample; None where unknown.

        Raises:
            TinyopsError: they are not; the message has both numbers.
        """
        told = f"{source} has {classes} classes; " if classes is not None else ""
        if self.name == "classification" and classes is not None and outputs != classes:
            remedy = "give the model's last layer one unit for each class, or correct the classes"
            if classes == 2 and outputs == 1:
                remedy = "one output is a binary task: say `task: binary`, or give the last layer two units"
            raise TinyopsError(f"{told}the model has {outputs} outputs", remedy=remedy)
        if self.name == "binary" and outputs != 1:
            remedy = "give the last layer one unit, or say `classification` where it has one for each class"
            raise TinyopsError(f"{told}the task is binary, and the model has {outputs} outputs, not one", remedy=remedy)
        if self.name == "anomaly" and outputs not in (1, inputs):
            raise TinyopsError(
                f"the task is anomaly, and the model has {outputs} outputs: neither one score nor its {inputs} inputs",
                remedy="give the model one output, the score, or have it give its input back",
            )
        if self.name == "regression" and targets is not None and outputs != targets:
            raise TinyopsError(
                f"{source} has {targets} target values a sample; the model has {outputs} outputs",
                remedy="give the model's last layer one unit for each target value, and no softmax",
            )


def judging_metric(task: Task | None, *truth: object) -> Metric | None:
    """What samples are judged by: the first figure of their task; None without labels or targets to judge by."""
    return None if task is None or all(told is None for told in truth) else task.metrics[0]


class AskedTask(BaseModel):
    """What the user says of the task."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: TaskName | None = None  # None leaves it to data and model.
    threshold: Threshold = DEFAULT_THRESHOLD  # Of a binary task.


UNASKED: Final = AskedTask()
"""Data and model show the task."""


@dataclass(frozen=True)
class Answers:
    """What is known of a model's answers without running it."""

    given: TensorSpec
    answered: TensorSpec
    # Name of the operator that makes the output, as in the TFLite schema; None where unknown.
    last_operator: str | None = None

    @property
    def values(self) -> int:
        """Values of one answer."""
        return prod(self.answered.sample_shape)

    @property
    def probability(self) -> str | None:
        """Why an output is a probability; None where nothing says so."""
        if self.last_operator in _PROBABILITIES:
            return f"its last operator is {self.last_operator}"
        return "it is stored in steps of 1/256 from 0, as probabilities are" if self._stored_as_probability else None

    @property
    def softmax(self) -> str | None:
        """Why the outputs are the probabilities of classes that exclude each other; None where nothing says so."""
        return None if self.last_operator == "LOGISTIC" else self.probability

    @property
    def gives_input_back(self) -> bool:
        """Whether it may be an autoencoder: more than two outputs, as many as inputs."""
        return self.values > 2 and self.values == prod(self.given.sample_shape)

    @property
    def _stored_as_probability(self) -> bool:
        stored, scale = np.dtype(self.answered.dtype), self.answered.scale
        if scale is None or stored.kind not in "iu" or not isclose(scale, _PROBABILITY_STEP, rel_tol=1e-6):
            return False
        return self.answered.zero_point == np.iinfo(stored).min


def find_task(
    answers: Answers,
    asked: AskedTask | Task,
    *,
    classes: int | None = None,
    labels: Sequence[int] | Array | None = None,
    has_targets: bool = False,
) -> Task | None:
    """The task: as it is named, or else as data and model show it.

    Args:
        answers: what is known of the model's answers.
        asked: what the user says of it; or the task itself, where it was found before.
        classes: number of classes, where they are named.
        labels: of the data, ``(n,)``.
        has_targets: whether the data has real values to be answered.

    Returns:
        None where nothing tells: no labels, and an output that may be a score, a value or a class.
    """

    def task(name: TaskName, why: str) -> Task:
        return Task(name=name, threshold=asked.threshold, why=why)

    if isinstance(asked, Task):
        return asked
    if asked.name is not None:
        return task(asked.name, "as asked for")
    if has_targets:
        return task("regression", "the data has targets")
    values = answers.values
    if classes is not None and classes > 2:
        return task("classification", f"there are {classes} classes")
    if values == 1:
        probability = answers.probability or ("and there are two classes" if classes == 2 else None)
        if probability is not None:
            return task("binary", f"the model has one output, {probability}")
        return None if labels is None else task("anomaly", "the model has one output, and nothing says a probability")
    why_classes = _why_classes(answers, classes, labels)
    if why_classes is None and answers.gives_input_back:
        return None if labels is None else task("anomaly", f"the model has as many outputs as inputs, {values}")
    return task("classification", f"the model has {values} outputs{why_classes or ''}")


def _why_classes(answers: Answers, classes: int | None, labels: Sequence[int] | Array | None) -> str | None:
    """Why several outputs are classes, to be said after their number; None where nothing tells."""
    if answers.softmax:
        return f", {answers.softmax}"
    if classes == answers.values:
        return ", one for each class"
    if labels is not None and _beyond_binary(labels):
        return ", and the labels are not 0 and 1 alone"
    return None


def _beyond_binary(labels: Sequence[int] | Array) -> bool:
    found = np.asarray(labels)
    return bool(np.any((found < 0) | (found > 1)))
