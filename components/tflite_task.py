"""What a project's model is for: found once, at its conversion, and read from there."""

from __future__ import annotations

from math import prod
from pathlib import Path

from tfx.types import Artifact

from components.artifact_files import read_artifact
from components.conversion_report import FILE_NAME, ConversionReport
from components.tflite_model import read_tflite
from edge_deployer.task import UNASKED, Answers, AskedTask, Task, find_task
from edge_deployer.tensors import Array
from edge_deployer.tflm import last_operator, tensor_specs


def task_of_project(model: bytes, asked: AskedTask, *, classes: int | None, labels: Array) -> Task:
    """The task of an int8 model that a project has made, for some of its labels, ``(n,)``.

    Raises:
        TinyopsError: the model's outputs do not fit the task.
    """
    answers = Answers(*tensor_specs(model), last_operator(model))
    task = find_task(answers, asked, classes=classes, labels=labels)
    assert task is not None  # with labels there always is one
    task.require_outputs(answers.values, prod(answers.given.sample_shape), classes, "the project")
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
