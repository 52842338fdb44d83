"""What a project's model is for: found once, at its conversion, and read from there."""

from __future__ import annotations

from math import prod
from pathlib import Path

from tfx.types import Artifact

from components.artifact_files import read_artifact
from components.conversion_report import FILE_NAME, ConversionReport
from components.examples import LabelledExamples
from components.tflite_model import read_tflite
from edge_deployer.errors import TinyopsError
from edge_deployer.task import UNASKED, Answers, AskedTask, Task, find_task
from edge_deployer.tflm import last_operator, tensor_specs


def task_of_project(model: bytes, asked: AskedTask, *, classes: int | None, examples: LabelledExamples) -> Task:
    """The task of an int8 model that a project has made, for some of its examples.

    Raises:
        TinyopsError: the model's outputs do not fit the task, or the examples do not have what it is judged by.
    """
    answers, targets = Answers(*tensor_specs(model), last_operator(model)), examples.targets
    task = find_task(answers, asked, classes=classes, labels=examples.labels, has_targets=targets is not None)
    assert task is not None  # with labels or targets there always is one
    if (task.name == "regression") != (targets is not None):
        has, needs = ("label", "target") if targets is None else ("target", "label")
        remedy = f"give {needs}_feature instead, or correct the task"
        raise TinyopsError(f"the task is {task.name}, and the examples have a {has}, no {needs}", remedy=remedy)
    values = None if targets is None else targets.shape[1]
    inputs = prod(answers.given.sample_shape)
    task.require_outputs(answers.values, inputs, classes, "the project", targets=values)
    return task


def recorded_task(model: Artifact) -> Task:
    """The task as the converter found it, or else, of a model from elsewhere, as its file shows it for labels 0 and 1.

    Raises:
        TinyopsError: the converter's record cannot be read.
        ModelRefused: the file is not a TFLite model with one input and one output.
    """
    record = Path(model.uri, FILE_NAME)
    if record.is_file():
        return read_artifact(ConversionReport, record).task
    flatbuffer = read_tflite(model)
    found = find_task(Answers(*tensor_specs(flatbuffer), last_operator(flatbuffer)), UNASKED, labels=(0, 1))
    assert found is not None  # with labels there always is one
    return found
