"""Where a TFLite model lies in a `Model` artifact, and what its file says of its input and output. Runs nothing."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import Artifact
from tfx.utils import path_utils

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import TensorSpec

# TFMA looks for this name, without an extension, in the serving folder.
FILE_NAME = "tflite"

# What the converter makes of the feature "image" in the signature "serving_default".
_TENSOR_NAME = re.compile(r"(?:serving_default_)?(?P<feature>[^:]+)(?::\d+)?")


def tflite_path(model: Artifact) -> Path:
    """The file `Format-Serving/tflite` of the artifact."""
    return Path(path_utils.serving_model_dir(model.uri)) / FILE_NAME


def read_tflite(model: Artifact) -> bytes:
    """The flatbuffer of the artifact."""
    with fileio.open(str(tflite_path(model)), "rb") as file:
        return bytes(file.read())


def tensor_specs(model: bytes) -> tuple[TensorSpec, TensorSpec]:
    """Input and output of a model with one of each.

    Raises:
        TinyopsError: it has several inputs or outputs.
    """
    interpreter = tf.lite.Interpreter(model_content=model)
    specs = []
    for side, details in (("input", interpreter.get_input_details()), ("output", interpreter.get_output_details())):
        if len(details) != 1:
            raise TinyopsError(
                f"the model has {len(details)} {side}s: {', '.join(detail['name'] for detail in details)}",
                remedy="export a model with one input and one output",
            )
        scale, zero_point = details[0]["quantization"]
        shape = tuple(int(size) for size in details[0]["shape"])
        specs.append(TensorSpec(details[0]["dtype"].__name__, shape, float(scale) or None, int(zero_point)))
    return specs[0], specs[1]


def input_feature(model: bytes) -> str:
    """Name of the feature that the model's input takes."""
    name = tf.lite.Interpreter(model_content=model).get_input_details()[0]["name"]
    match = _TENSOR_NAME.fullmatch(name)
    return match["feature"] if match else name
