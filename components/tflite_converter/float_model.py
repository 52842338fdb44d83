"""The trained float model, as Keras 3 exports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

_BATCH = 256


@dataclass(frozen=True)
class FloatModel:
    """The ``serving_default`` signature of a SavedModel."""

    folder: str
    feature: str  # Name of its only input.
    shape: tuple[int, ...]  # Shape of one sample, without the batch dimension.
    _loaded: Any  # the functions of a SavedModel die with the object that holds them

    @classmethod
    def load(cls, folder: str) -> FloatModel:
        """Load a SavedModel.

        Raises:
            TinyopsError: there is no such model or signature, it has several inputs, its input is not float32, its
                batch is not open, or a dimension of a sample is.
        """
        try:
            loaded = tf.saved_model.load(folder)
        except OSError as error:
            remedy = "end run_fn with `model.export(fn_args.serving_model_dir)`"
            raise TinyopsError(f"run_fn left no SavedModel in {folder}", remedy=remedy) from error
        if "serving_default" not in loaded.signatures:
            raise TinyopsError("the trained model has no serving_default signature", remedy="use Keras' model.export")
        inputs = loaded.signatures["serving_default"].structured_input_signature[1]
        if len(inputs) != 1:
            message = f"the trained model has {len(inputs)} inputs: {', '.join(sorted(inputs))}"
            raise TinyopsError(message, remedy="export a model with one input, named after the feature it takes")
        ((feature, tensor),) = inputs.items()
        _require_float(feature, tensor.dtype)
        shape = _sample_shape(feature, tensor.shape)
        return cls(folder, feature, shape, loaded)

    def save_for_one_sample(self, folder: str) -> None:
        """Write a SavedModel of the same function with a batch of 1.

        A device runs one sample at a time. With an open batch dimension the converter would keep operators that
        compute shapes at run time, at the cost of flash and arena.
        """
        one = tf.TensorSpec((1, *self.shape), tf.float32, name=self.feature)
        signature = self._loaded.signatures["serving_default"]
        serve = tf.function(lambda sample: signature(**{self.feature: sample}), input_signature=[one])
        module = tf.Module()
        module.trained = self._loaded
        tf.saved_model.save(module, folder, signatures={"serving_default": serve.get_concrete_function()})

    def predict(self, inputs: Array) -> Array:
        """The only output for float32 inputs of shape ``(n, *shape)``; float32, ``(n, ...)``.

        Raises:
            TinyopsError: it has several outputs, or fails on an input.
        """
        signature = self._loaded.signatures["serving_default"]
        outputs: list[Array] = []
        for start in range(0, len(inputs), _BATCH):
            try:
                answer = signature(**{self.feature: tf.constant(inputs[start : start + _BATCH])})
            except tf.errors.OpError as error:
                raise TinyopsError(
                    f"the trained model fails on the examples: {error.message.splitlines()[0]}",
                    remedy="build a network that takes every value that preprocessing_fn returns",
                ) from error
            if len(answer) != 1:
                message = f"the trained model has {len(answer)} outputs: {', '.join(sorted(answer))}"
                raise TinyopsError(message, remedy="export a model with one output")
            outputs.extend(value.numpy() for value in answer.values())
        return np.concatenate(outputs)


def _require_float(feature: str, dtype: tf.DType) -> None:
    if dtype == tf.float32:
        return
    remedy = "declare the model's input as float32, as the examples are; the converter makes it int8"
    if dtype in (tf.int32, tf.int64):
        remedy += "; for an Embedding, return one-hot vectors from preprocessing_fn, and use Dense(n, use_bias=False)"
    raise TinyopsError(f"the model's input {feature!r} is {dtype.name}, and the examples are float32", remedy=remedy)


def _sample_shape(feature: str, shape: tf.TensorShape) -> tuple[int, ...]:
    """The shape without the batch, which must be open, as nothing else may be."""
    if shape.rank is None or None in shape[1:].as_list():
        remedy = "fix every dimension but the batch: a device has static memory"
        raise TinyopsError(f"the model's input {feature!r} has the open shape {shape}", remedy=remedy)
    if shape.rank == 0 or shape[0] is not None:
        message = f"the model's input {feature!r} has the shape {shape}, whose batch is not open"
        raise TinyopsError(message, remedy="leave the first dimension open, as `tf.keras.Input(shape)` does")
    return tuple(shape[1:].as_list())
