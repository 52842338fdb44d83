"""Reading a split, fitting a network to it, and noting how that went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.building_blocks.augmentation import Augmentation, augmented
from components.building_blocks.networks import task_of
from components.training_curve import FILE_NAME
from edge_deployer.tensors import Array

Samples = tuple[Array, Array]
"""Inputs, float32 ``(n, *shape)``; class indices, int64 ``(n,)``, or targets, float32 ``(n, values)``."""


def read_split(patterns: Sequence[str], config: Mapping[str, Any], shape: Sequence[int]) -> Samples:
    """A split's samples, in the order of their bytes: Beam shuffles what it writes.

    Args:
        patterns: of TFRecord files (gzip) of `tf.train.Example`, as `fn_args.train_files`.
        config: `custom_config`, with ``input`` and ``label``, or ``target`` for a regression.
        shape: of one sample.
    """
    files = tf.io.gfile.glob(list(patterns))
    records = list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())
    target = config.get("target")
    truth = target or config["label"]
    features = {
        config["input"]: tf.io.FixedLenFeature(tuple(shape), tf.float32),
        truth: tf.io.FixedLenFeature([], tf.int64)
        if target is None
        else tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
    }
    parsed = tf.io.parse_example(records, features)
    inputs, truths = parsed[config["input"]].numpy(), parsed[truth].numpy()
    order = sorted(range(len(inputs)), key=lambda row: (inputs[row].tobytes(), truths[row].tolist()))
    return inputs[order], truths[order]


def class_weights(labels: Array, classes: int) -> dict[int, float]:
    """What samples of each class count, for `fit`: all classes together as much, and a sample 1 on average.

    Args:
        labels: int64 ``(n,)``.
        classes: their number; a class without samples counts 0.
    """
    counts = np.bincount(labels, minlength=classes)
    present = np.count_nonzero(counts)
    return {index: len(labels) / (present * count) if count else 0.0 for index, count in enumerate(counts.tolist())}


def early_stopping(patience: int) -> Any:
    """Ends training `patience` epochs after the held-out loss was at its least, with the weights of that epoch.

    The epoch is chosen by what `fit` is given as held out: let that be a part of the training split, or the evaluation
    flatters the network.
    """
    return tf.keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)


def divide(samples: Samples, share: float, seed: int) -> tuple[Samples, Samples]:
    """Samples drawn to train with, and the share of them that is held back."""
    inputs, truths = samples
    drawn = np.random.default_rng(seed).permutation(len(inputs))
    back = round(len(inputs) * share)
    return (inputs[drawn[back:]], truths[drawn[back:]]), (inputs[drawn[:back]], truths[drawn[:back]])


def fit(
    model: tf.keras.Model,
    train: Samples,
    held_out: Samples,
    config: Mapping[str, Any],
    *,
    augmentations: Sequence[Augmentation] = (),
    batch: int = 32,
    learning_rate: float = 2e-3,
    label_smoothing: float = 0.0,
    weights: Mapping[int, float] | None = None,
    callbacks: Sequence[Any] = (),
) -> dict[str, list[float]]:
    """Train with Adam, at a rate that falls to nothing along a cosine.

    Equal seeds give equal networks on one machine, if `tf.keras.utils.set_random_seed` went before `build_model`.

    Args:
        model: untrained; it is trained in place.
        train: what it learns.
        held_out: what it is measured by after each epoch.
        config: `custom_config`, with ``epochs``, ``seed`` and what `networks.answer` takes.
        augmentations: of the training inputs, anew in each epoch.
        batch: samples a step.
        learning_rate: at the beginning.
        label_smoothing: how far the wanted probabilities are from 0 and 1; of classes only.
        weights: of the classes, as `class_weights` gives them.
        callbacks: such as `early_stopping`.

    Returns:
        Keras' history: ``loss``, ``val_loss`` and, of classes, ``accuracy`` and ``val_accuracy``, a value each epoch.
    """
    steps = config["epochs"] * -(-len(train[0]) // batch)
    loss, metrics = _loss(config, label_smoothing)
    model.compile(
        tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        loss,
        metrics=metrics,
        jit_compile=False,  # On a processor, XLA made the training of depthwise convolutions five times slower.
    )
    wanted = _wanted(train, config)
    shuffled = tf.data.Dataset.from_tensor_slices(wanted).shuffle(len(train[0]), seed=config["seed"]).batch(batch)
    history = model.fit(
        augmented(shuffled, augmentations, config["seed"]).prefetch(2),
        validation_data=tf.data.Dataset.from_tensor_slices(_wanted(held_out, config)).batch(256),
        epochs=config["epochs"],
        class_weight=weights,
        callbacks=list(callbacks),
        verbose=0,
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}


def in_units(model: tf.keras.Model, mean: Array, spread: Array) -> None:
    """Let a regression that was trained on ``(target - mean) / spread`` answer in the target's own unit.

    The last layer takes it up: nothing is added to the model.

    Args:
        model: ends with `networks.answer`.
        mean: float ``(values,)``.
        spread: float ``(values,)``, over 0.
    """
    kernel, bias = model.get_layer("answer").get_weights()
    model.get_layer("answer").set_weights([kernel * spread, bias * spread + mean])


def write_curve(history: Mapping[str, Sequence[float]], folder: Path) -> None:
    """Write `training.json`, what the report draws: loss, and accuracy where there is one, of both splits.

    Args:
        history: as `fit` returns it.
        folder: `fn_args.model_run_dir`.
    """
    measures = [name for name in ("loss", "accuracy") if name in history]
    curve = {
        split: {name: list(history[f"{prefix}{name}"]) for name in measures}
        for split, prefix in (("train", ""), ("eval", "val_"))
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(json.dumps(curve, indent=2))


def _wanted(samples: Samples, config: Mapping[str, Any]) -> Samples:
    """Inputs, and answers in the form that the loss takes."""
    inputs, truths = samples
    if task_of(config) == "classification":
        return inputs, np.eye(config["classes"], dtype=np.float32)[truths]
    return inputs, np.asarray(truths, np.float32).reshape(len(inputs), -1)


def _loss(config: Mapping[str, Any], label_smoothing: float) -> tuple[Any, list[str]]:
    losses = tf.keras.losses
    task = task_of(config)
    if task == "regression":
        return losses.MeanSquaredError(), []
    kind = losses.BinaryCrossentropy if task == "binary" else losses.CategoricalCrossentropy
    return kind(label_smoothing=label_smoothing), ["accuracy"]
