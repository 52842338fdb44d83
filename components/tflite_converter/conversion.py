"""Post-training quantisation of a float model to int8, and why it may not be possible."""

from __future__ import annotations

import re
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from components.tflite_converter.float_model import FloatModel
from edge_deployer.errors import Refused
from edge_deployer.tensors import Array
from edge_deployer.tflm import tensor_specs

# How MLIR names an operator of TensorFlow and says what is wrong with it, and where in the network it is.
_OPERATOR = re.compile(r"'(?P<name>tf\.\w+)' op (?P<trouble>.*)")
_PLACE = re.compile(r'fused\["\w+:", "(?P<place>[^"@]+)')

# Recurrent layers of Keras loop over lists of tensors.
_LOOP = "tf.TensorList"


def convert(source: FloatModel, representative: Array) -> bytes:
    """Post-training quantisation to int8, inputs and outputs included.

    Args:
        source: the float model.
        representative: float32 samples, shape ``(n, *source.shape)``, that give the ranges of the activations.

    Raises:
        Refused: an operator has no int8 form, or an input or output did not become int8.
    """
    with TemporaryDirectory() as folder:
        try:
            source.save_for_one_sample(folder)
            model = _quantised(folder, representative)
        except (ConverterError, tf.errors.OpError, ValueError, RuntimeError) as error:
            raise _refusal(str(error)) from error
    for side, spec in zip(("input", "output"), tensor_specs(model), strict=True):
        if spec.dtype != "int8" or spec.scale is None:
            remedy = "take float values in and give float values out of the trained model"
            raise Refused(f"the {side} is {spec.describe()} after conversion, not int8", remedy=remedy)
    return model


def _quantised(folder: str, representative: Array) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _one_by_one(samples: Array) -> Iterator[list[Array]]:
    for sample in samples:
        yield [sample[np.newaxis]]


def _refusal(said: str) -> Refused:
    """The operator that TensorFlow speaks of, where it is in the network, and what helps."""
    operator = _OPERATOR.search(said)
    if operator is None:
        first_line = (said.strip().splitlines() or ["TensorFlow does not say why"])[0]
        remedy = "use layers that have an int8 form in TFLite"
        return Refused(f"the model cannot be converted to int8: {first_line}", remedy=remedy)
    place = _PLACE.search(said)
    where = f" at {place['place']}" if place else ""
    message = f"the model cannot be converted to int8: {operator['name']}{where} {operator['trouble']}"
    if operator["name"].startswith(_LOOP):
        remedy = "give each recurrent layer (LSTM, GRU, SimpleRNN) unroll=True, and write loops of your own out"
        return Refused(message, remedy=remedy)
    return Refused(message, remedy=f"build the network without {operator['name']}")
