"""Spoken words: a small convolutional network for audio features. A template for code of your own.

`tinyops run` calls three functions. `preprocessing_fn` is traced by TensorFlow Transform; what it returns is what the
model, the converter, the Evaluator and the acceptance set see. `build_model` gives the network untrained, so that what
would not run on a board is refused before it is trained. `run_fn` trains and exports.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.building_blocks import augmentation
from components.building_blocks.networks import cnn, most_over_time
from components.building_blocks.training import fit, read_split, write_curve

SILENCE = -35.0
"""The least that levelled features are: what silence is in channels that the word is loud in."""

OCTAVE = 8.0
"""What a doubling of the energy adds to a feature."""

AUGMENTATIONS = (
    partial(augmentation.speed, most=1.25, floor=SILENCE),
    partial(augmentation.shift, steps=5, floor=SILENCE),  # Of 20 ms.
    partial(augmentation.warp_channels, most=1.1, steps=1),
    partial(augmentation.equalise, most=2 * OCTAVE, floor=SILENCE),
    partial(augmentation.hiss, most=5, step=OCTAVE, floor=SILENCE),
    partial(augmentation.gain, most=1.3, floor=SILENCE),
    partial(augmentation.noise, most=4),
    partial(augmentation.mask, time=6, channels=4),
)
"""What differs between speakers, rooms and microphones, and not between words."""


TRAINING: dict[str, Any] = {
    "augmentations": AUGMENTATIONS,
    "batch": 64,
    "learning_rate": 3e-3,
    "label_smoothing": 0.1,
}
"""How `fit` trains."""


def preprocessing_fn(inputs: dict[str, Any], custom_config: dict[str, Any]) -> dict[str, Any]:
    """Features of the model, from features of the data.

    Args:
        inputs: a tensor a feature: the front end's ``input``, float32 (batch, frames, channels), and ``label``, int64.
        custom_config: input and label name, classes, seed.

    Returns:
        The same features: the board computes them with the same front end, and the network takes them as they are.
    """
    return {name: inputs[name] for name in (custom_config["input"], custom_config["label"])}


def build_model(config: dict[str, Any]) -> tf.keras.Model:
    """Four convolutions over the levelled features, as wide as the board lets them be.

    Of what they find the most over time is taken: silence follows a word, and would move a mean the more, the shorter
    the word is.

    Args:
        config: `custom_config`.
    """
    return cnn(config, widest=24, pool=most_over_time)


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
    history = fit(model, train, held_out, config, **TRAINING)
    model.export(fn_args.serving_model_dir)
    write_curve(history, Path(fn_args.model_run_dir))
