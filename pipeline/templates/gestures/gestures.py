"""Digits drawn in the air: a small convolutional network for pictures of strokes. A template for code of your own.

`tinyops run` calls three functions. `preprocessing_fn` is traced by TensorFlow Transform; what it returns is what the
model, the converter, the Evaluator and the acceptance set see. `build_model` gives the network untrained, so that what
would not run on a board is refused before it is trained. `run_fn` trains and exports.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.building_blocks import augmentation
from components.building_blocks.networks import cnn
from components.building_blocks.training import fit, read_split, write_curve

FILTERS: Final = 12
"""Of the first convolution: the wand has other things to do, and more find nothing more."""

AUGMENTATIONS: Final = (partial(augmentation.deform, degrees=20, stretch=1.25, slant=0.25, pixels=1.5),)
"""What differs between strokes of one digit. A 6 is turned nowhere near a 9."""


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Features of the model, from features of the data.

    Args:
        inputs: a tensor a feature: the picture of a stroke, float32 (batch, side, side, 1) from -128 to 127, and
            ``label``, int64.
        custom_config: input and label name, classes, seed.

    Returns:
        The same features: the board draws and scales a stroke with the same integers, and the network takes it as it
        is.
    """
    return {name: inputs[name] for name in (custom_config["input"], custom_config["label"])}


def build_model(config: dict[str, Any]) -> tf.keras.Model:
    """Four convolutions over the picture.

    Args:
        config: `custom_config`.
    """
    return cnn(config, widest=FILTERS)


def run_fn(fn_args: FnArgs) -> None:
    """Train, export, and record the training curve.

    Args:
        fn_args: files of both splits, folders to write to, and ``custom_config``.
    """
    config = fn_args.custom_config
    tf.keras.utils.set_random_seed(config["seed"])
    train = read_split(fn_args.train_files, config, config["shape"])
    held_out = read_split(fn_args.eval_files, config, config["shape"])
    model = build_model(config)
    history = fit(model, train, held_out, config, augmentations=AUGMENTATIONS, label_smoothing=0.1)
    model.export(fn_args.serving_model_dir)
    write_curve(history, Path(fn_args.model_run_dir))
