"""Where a TFLite model lies in a `Model` artifact, which feature it takes, and how much arena. Runs nothing."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import Artifact
from tfx.utils import path_utils

# Roomy on purpose: whether a model fits its board is the validator's question, and only there a refusal.
HOST_ARENA_BYTES = 16 << 20

# TFMA looks for this name, without an extension, in the serving folder.
FILE_NAME = "tflite"

# What the converter makes of the feature "image" in the signature "serving_default".
_TENSOR_NAME = re.compile(r"(?:serving_default_)?(?P<feature>[^:]+)(?::\d+)?")


def serving_file(folder: Path) -> Path:
    """The file `Format-Serving/tflite` in the folder of a `Model` artifact."""
    return Path(path_utils.serving_model_dir(str(folder))) / FILE_NAME


def tflite_path(model: Artifact) -> Path:
    """The same of the artifact."""
    return serving_file(Path(model.uri))


def read_tflite(model: Artifact) -> bytes:
    """The flatbuffer of the artifact."""
    with fileio.open(str(tflite_path(model)), "rb") as file:
        return bytes(file.read())


def input_feature(model: bytes) -> str:
    """Name of the feature that the model's input takes."""
    name = tf.lite.Interpreter(model_content=model).get_input_details()[0]["name"]
    match = _TENSOR_NAME.fullmatch(name)
    return match["feature"] if match else name
