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
    """The ``serving_default`` signature of a SavedModel.

    Attributes:
        folder: the SavedModel.
        feature: name of its only input.
        shape: shape of one sample, without the batch dimension.
    """

    folder: str
    feature: str
    shape: tuple[int, ...]
    _loaded: Any  # the functions of a SavedModel die with the object that holds them

    @classmethod
    def load(cls, folder: str) -> FloatModel:
        """Load a SavedModel.

        Raises:
            TinyopsError: there is no such signature, it has several inputs, or a dimension of a sample is open.
        """
        loaded = tf.saved_model.load(folder)
        if "serving_default" not in loaded.signatures:
            raise TinyopsError("the trained model has no serving_default signature", remedy="use Keras' model.export")
        inputs = loaded.signatures["serving_default"].structured_input_signature[1]
        if len(inputs) != 1:
            raise TinyopsError(
                f"the trained model has {len(inputs)} inputs: {', '.join(sorted(inputs))}",
                remedy="export a model with one input, named after the feature it takes",
            )
        ((feature, tensor),) = inputs.items()
        shape = tuple(tensor.shape.as_list()[1:])
        if None in shape:
            raise TinyopsError(
                f"the model's input {feature!r} has the open shape {list(shape)}",
                remedy="fix every dimension but the batch: a device has static memory",
            )
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
        """The only output for float32 inputs of shape ``(n, *shape)``; float32, ``(n, ...)``."""
        signature = self._loaded.signatures["serving_default"]
        outputs = []
        for start in range(0, len(inputs), _BATCH):
            answer = signature(**{self.feature: tf.constant(inputs[start : start + _BATCH])})
            if len(answer) != 1:
                raise TinyopsError(
                    f"the trained model has {len(answer)} outputs: {', '.join(sorted(answer))}",
                    remedy="export a model with one output",
                )
            outputs.extend(value.numpy() for value in answer.values())
        return np.concatenate(outputs)
