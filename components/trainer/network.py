"""What conversion, TFLM and the board's profile say of a network that is not trained yet."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final

import numpy as np
from tfx.types import Artifact

from components.examples import first_records, parse_records
from components.tflite_converter.conversion import convert
from components.tflite_converter.float_model import FloatModel
from components.tflite_task import task_of_project
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.profile import BoardProfile
from edge_deployer.release.validation import validate_model
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.words import in_words
from edge_deployer.task import AskedTask, Task

REPRESENTATIVE_EXAMPLES: Final = 8
"""The ranges of an untrained network's activations mean nothing yet."""

_BUILD_MODEL = "build_model"


@dataclass(frozen=True)
class Untrained:
    """A network as it would go to boards, but for its weights."""

    model: bytes  # Bytes of the int8 ``.tflite`` file.
    task: Task


def build_model_of(module: ModuleType) -> Callable[[dict[str, Any]], Any] | None:
    """The module's `build_model`, if `config` is all that it must be given: any other is the module's own affair."""
    found = getattr(module, _BUILD_MODEL, None)
    if not inspect.isfunction(found):
        return None
    wanted = [name for name, given in inspect.signature(found).parameters.items() if given.default is given.empty]
    return found if wanted == ["config"] else None


def convert_untrained(network: Any, records: Sequence[bytes], custom_config: Mapping[str, Any]) -> Untrained:
    """Convert a network as the trained one will be.

    Args:
        network: what the user's `build_model` returned. Its weights are changed.
        records: serialised `tf.train.Example` as the model takes them, one at least.
        custom_config: with `label`, the int64 feature with the class index, or `target`, the float feature with the
            values that a regression is to answer; with `classes` and `task` where they are known.

    Raises:
        Refused: it cannot be converted to int8.
        TinyopsError: it is no Keras model with one input and one output, or does not fit the records or its task.
    """
    # Not by its class: `keras` and `tf.keras` may be two Keras, of which TensorFlow Transform asks for the older one.
    if not hasattr(network, "export") or not getattr(network, "built", False):
        raise TinyopsError(
            f"build_model returned {type(network).__name__}, and no Keras model whose input has a shape",
            remedy="return a tf.keras.Model that begins with `tf.keras.Input(shape, name=config['input'])`",
        )
    _give_weights(network)
    label, target = custom_config.get("label"), custom_config.get("target")
    with TemporaryDirectory() as folder:
        network.export(folder)
        source = FloatModel.load(folder)
        some = parse_records(records, feature=source.feature, label=label, target=target, shape=source.shape)
        source.predict(some.inputs)
        model = convert(source, some.inputs)
    asked = AskedTask(name=custom_config.get("task"))
    return Untrained(model, task_of_project(model, asked, classes=custom_config.get("classes"), examples=some))


def examine(network: Any, examples: Artifact, custom_config: Mapping[str, Any], profile: BoardProfile) -> str:
    """Convert a network as the trained one will be, and look whether the result would run on a board.

    Args:
        network: what the user's `build_model` returned. Its weights are changed.
        examples: as the model takes them; split train is used.
        custom_config: as for `convert_untrained`.
        profile: the board.

    Returns:
        Its figures, in one sentence.

    Raises:
        Refused: it cannot be converted to int8, or would not run on the board.
        TinyopsError: as `convert_untrained`.
    """
    records = first_records(examples, "train", limit=REPRESENTATIVE_EXAMPLES)
    untrained = convert_untrained(network, records, custom_config)
    report = validate_model(untrained.model, profile, None, acceptance_samples=1, seed=0).report
    if report.reason is not None:
        message = f"the network would not run on {profile.name}, trained or not: {in_words(report.reason)}"
        raise Refused(message, remedy=f"make the network fit board profile {profile.name}, or choose another profile")
    return f"{_describe(report)}; task {untrained.task.name}"


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
