"""Handwritten digits: a small convolutional network for 8 x 8 pixels. A template for code of your own.

`tinyops run` calls three functions. `preprocessing_fn` is traced by TensorFlow Transform; what it returns is what the
model, the converter, the Evaluator and the acceptance set see. `build_model` gives the network untrained, so that what
would not run on a board is refused before it is trained. `run_fn` trains and exports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tfx.components.trainer.fn_args_utils import FnArgs

from components.building_blocks.training import read_split, write_curve

SIDE = 8
BRIGHTEST = 16.0
BATCH = 64
LEARNING_RATE = 1e-2


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Features of the model, from features of the data.

    Args:
        inputs: a tensor a feature: ``image`` float32 (batch, 64), ``label`` int64 (batch, 1).
        custom_config: input and label name, classes, seed.

    Returns:
        The same features: scaling is left to the network, so that a device needs no code for it.
    """
    return {name: inputs[name] for name in (custom_config["input"], custom_config["label"])}


def run_fn(fn_args: FnArgs) -> None:
    """Train, export, and record the training curve.

    Args:
        fn_args: files of both splits, folders to write to, and ``custom_config``.
    """
    config = fn_args.custom_config
    tf.keras.utils.set_random_seed(config["seed"])
    train = read_split(fn_args.train_files, config, (SIDE, SIDE, 1))
    held_out = read_split(fn_args.eval_files, config, (SIDE, SIDE, 1))
    samples = with_shifts(*train)
    model = build_model(config)
    schedule = tf.keras.optimizers.schedules.CosineDecay(LEARNING_RATE, config["epochs"] * (len(samples[0]) // BATCH))
    model.compile(tf.keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*samples, batch_size=BATCH, epochs=config["epochs"], validation_data=held_out, verbose=0)
    model.export(fn_args.serving_model_dir)
    write_curve(history.history, Path(fn_args.model_run_dir))


def with_shifts(images: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The images, and each moved one pixel to the left and to the right: three times as many samples."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (0, 0)))
    shifted = [padded[:, :, start : start + SIDE] for start in range(3)]
    return np.concatenate(shifted), np.tile(labels, len(shifted))


def build_model(config: dict[str, Any]) -> tf.keras.Model:
    """Two convolutions of 8 and 20 filters and a dense layer: 2,350 parameters.

    Args:
        config: `custom_config`.
    """
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((SIDE, SIDE, 1), name=config["input"]),
            layers.Rescaling(1 / BRIGHTEST),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPool2D(),
            layers.Conv2D(20, 3, padding="same", activation="relu"),
            layers.MaxPool2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(config["classes"], activation="softmax"),
        ]
    )
