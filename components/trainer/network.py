"""What conversion, TFLM and the board's profile say of a network that is not trained yet."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tfx.types import Artifact

from components.examples import read_examples
from components.tflite_converter.conversion import convert
from components.tflite_converter.float_model import FloatModel
from components.tflite_task import task_of_project
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.profile import BoardProfile
from edge_deployer.release.validation import validate_model
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.words import in_words
from edge_deployer.task import AskedTask
from edge_deployer.task_name import TaskName

# The ranges of its activations mean nothing yet.
_REPRESENTATIVE_EXAMPLES = 8


def examine(
    network: Any,
    examples: Artifact,
    *,
    label: str | None = None,
    target: str | None = None,
    profile: BoardProfile,
    classes: int | None = None,
    task: TaskName | None = None,
) -> str:
    """Convert a network as the trained one will be, and look whether the result would run on a board.

    Args:
        network: what the user's `build_model` returned. Its weights are changed.
        examples: as the model takes them; split train is used.
        label: the int64 feature with the class index; either this or `target`.
        target: the float feature with the values that a regression is to answer.
        profile: the board.
        classes: number of classes, where it is known.
        task: what the network is for; None: as classes and output show it.

    Returns:
        Its figures, in one sentence.

    Raises:
        Refused: it cannot be converted to int8, or would not run on the board.
        TinyopsError: it is no Keras model with one input and one output, or does not fit the examples or its task.
    """
    # Not by its class: `keras` and `tf.keras` may be two Keras, of which TensorFlow Transform asks for the older one.
    if not hasattr(network, "export") or not getattr(network, "built", False):
        raise TinyopsError(
            f"build_model returned {type(network).__name__}, and no Keras model whose input has a shape",
            remedy="return a tf.keras.Model that begins with `tf.keras.Input(shape, name=config['input'])`",
        )
    _give_weights(network)
    with TemporaryDirectory() as folder:
        network.export(folder)
        source = FloatModel.load(folder)
        some = read_examples(
            examples,
            "train",
            feature=source.feature,
            label=label,
            target=target,
            shape=source.shape,
            limit=_REPRESENTATIVE_EXAMPLES,
        )
        source.predict(some.inputs)
        model = convert(source, some.inputs)
    found = task_of_project(model, AskedTask(name=task), classes=classes, examples=some)
    report = validate_model(model, profile, None, acceptance_samples=1, seed=0).report
    if report.reason is not None:
        message = f"the network would not run on {profile.name}, trained or not: {in_words(report.reason)}"
        raise Refused(message, remedy=f"make the network fit board profile {profile.name}, or choose another profile")
    return f"{_describe(report)}; task {found.name}"


def _give_weights(network: Any) -> None:
    """Change weights that are one value throughout, as biases and batch normalisation begin.

    TFLM dies of a layer whose weights are all zero, and equal biases lie in the file once: no trained network is so.
    """
    random = np.random.default_rng(0)
    for weight in network.weights:
        values = np.asarray(weight)
        if values.size and values.dtype.kind == "f" and (values == values.flat[0]).all():
            weight.assign(values + random.uniform(0.01, 0.1, values.shape))


def _describe(report: ValidationReport) -> str:
    operators = ", ".join(f"{count} {name}" for name, count in sorted(report.operators.items()))
    latency = "" if report.latency_us is None else f", about {report.latency_us / 1000:.1f} ms"
    return (
        f"{report.model_bytes:,} bytes of flash, arena {report.arena_bytes or 0:,} of {report.arena_limit:,} bytes"
        f"{latency} on {report.profile}; {operators}"
    )
