"""Convolutional networks of operators that TensorFlow Lite Micro has, as wide as the board's budget lets them be.

Each network is a function of `custom_config`, of which it takes:

- ``input`` and ``shape``: name and shape of the features, without the batch;
- ``classes``: number of outputs, 1 where it is missing; ``task``: classification if it is missing or None;
- ``board``: ``arena_bytes`` and ``slot_bytes`` of the profile; without it the network is as wide as it gets.

Convolutions have batch normalisation behind them, which the converter folds into them: features need no scaling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from components.building_blocks.budget import Budget
from edge_deployer.errors import TinyopsError
from edge_deployer.task_name import TaskName

layers = tf.keras.layers

Prepare = Callable[[Any], Any]
"""What is done to the features within the network before its first convolution."""

Pool = Callable[[Any], Any]
"""What is made of the last feature maps, (time, channels, filters), before the last layer."""

_STEP = 8


def ds_cnn(config: Mapping[str, Any], *, widest: int = 64, prepare: Prepare | None = None) -> tf.keras.Model:
    """Depthwise separable convolutions, for spectrograms and pictures: fewest weights and multiplications.

    After Zhang et al., "Hello Edge" (2017). The first layer halves time and channels, so that no large feature map is
    ever held; two more halvings follow, with twice the filters each.

    Args:
        config: `custom_config`; the shape is (height, width) or (height, width, channels).
        widest: most filters of the first layer.
        prepare: see `Prepare`.
    """

    def body(features: Any, width: int) -> Any:
        features = convolution(features, width, 5, strides=2)
        for filters, strides in ((2 * width, 2), (2 * width, 1), (4 * width, 2), (4 * width, 1)):
            features = separable(features, filters, strides=strides)
        return features

    return _fitting(config, widest, prepare, _with_channels, body)


def small_resnet(config: Mapping[str, Any], *, widest: int = 32, prepare: Prepare | None = None) -> tf.keras.Model:
    """Three residual blocks, for spectrograms and pictures: the easiest to train, after He et al. (2015).

    Args:
        config: `custom_config`; the shape is (height, width) or (height, width, channels).
        widest: most filters of the first layer; each block has half as many more.
        prepare: see `Prepare`.
    """

    def body(features: Any, width: int) -> Any:
        features = convolution(features, width, 5, strides=2)
        for filters, strides in ((3 * width // 2, 2), (2 * width, 2)):
            features = residual(features, filters, strides=strides)
        return features

    return _fitting(config, widest, prepare, _with_channels, body)


def cnn(
    config: Mapping[str, Any], *, widest: int = 32, prepare: Prepare | None = None, pool: Pool | None = None
) -> tf.keras.Model:
    """Four plain convolutions, for spectrograms and pictures: trains quickest on a processor.

    Args:
        config: `custom_config`; the shape is (height, width) or (height, width, channels).
        widest: most filters of the first layer; the last has twice as many.
        prepare: see `Prepare`.
        pool: see `Pool`; `mean_over_time` if it is missing.
    """

    def body(features: Any, width: int) -> Any:
        features = convolution(features, width, 5, strides=2)
        for filters, strides in ((3 * width // 2, 2), (2 * width, 2), (2 * width, 1)):
            features = convolution(features, filters, 3, strides=strides)
        return features

    return _fitting(config, widest, prepare, _with_channels, body, pool or mean_over_time)


def cnn_1d(config: Mapping[str, Any], *, widest: int = 64, prepare: Prepare | None = None) -> tf.keras.Model:
    """Convolutions along time alone, for windows of motion and other sensors.

    Args:
        config: `custom_config`; the shape is (time, channels).
        widest: most filters of the first layer; the last has twice as many.
        prepare: see `Prepare`.
    """

    def body(features: Any, width: int) -> Any:
        features = convolution(features, width, (5, 1), strides=(2, 1))
        for filters in (width, 2 * width):
            features = convolution(features, filters, (5, 1), strides=(2, 1))
        return features

    return _fitting(config, widest, prepare, _along_time, body)


def without_mean(features: Any) -> Any:
    """Take the mean over time from each channel of (time, channels): what microphone and room add to a log spectrum."""
    return layers.Subtract()([features, layers.GlobalAveragePooling1D(keepdims=True)(features)])


def mean_over_time(features: Any) -> Any:
    """The mean over time alone: where in the spectrum, or in a row, something was is worth knowing."""
    return layers.AveragePooling2D((features.shape[1], 1))(features)


def most_over_time(features: Any) -> Any:
    """The most over time alone: for words that fill their window now more and now less, which a mean would show."""
    return layers.MaxPooling2D((features.shape[1], 1))(features)


def convolution(features: Any, filters: int, kernel: int | tuple[int, int], *, strides: Any = 1) -> Any:
    """A convolution with batch normalisation and ReLU."""
    return layers.ReLU()(_normalised(features, filters, kernel, strides))


def separable(features: Any, filters: int, *, strides: int = 1) -> Any:
    """A 3 x 3 convolution of each channel on its own, then one of 1 x 1 across them."""
    features = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(features)
    features = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(features))
    return convolution(features, filters, 1)


def residual(features: Any, filters: int, *, strides: int = 1) -> Any:
    """Two 3 x 3 convolutions, and a way past them."""
    past = features
    if strides != 1 or features.shape[-1] != filters:
        past = _normalised(features, filters, 1, strides)
    changed = _normalised(convolution(features, filters, 3, strides=strides), filters, 3, 1)
    return layers.ReLU()(layers.Add()([changed, past]))


def answer(features: Any, config: Mapping[str, Any]) -> Any:
    """The last layer: a probability for each class, one probability, or real values, as the task wants."""
    task = task_of(config)
    units = 1 if task == "binary" else config.get("classes") or 1
    activation = {"classification": "softmax", "binary": "sigmoid", "regression": None}[task]
    return layers.Dense(units, activation=activation, name="answer")(features)


def shape_of(config: Mapping[str, Any]) -> tuple[int, ...]:
    """Of the features, without the batch.

    Raises:
        TinyopsError: the project does not say it, and the data was not there when the pipeline was compiled.
    """
    if "shape" not in config:
        raise TinyopsError(
            "custom_config has no shape: nothing says how large a sample is where the data is not",
            remedy="name `data.shape` of arrays, or `data.columns` of motion",
        )
    return tuple(config["shape"])


def task_of(config: Mapping[str, Any]) -> TaskName:
    """What the network is for: what the project says; else a regression if it has a target, else classification.

    Raises:
        TinyopsError: it is to find anomalies, which takes a network of another kind.
    """
    task: TaskName = config.get("task") or ("regression" if config.get("target") else "classification")
    if task == "anomaly":
        raise TinyopsError(
            "task: anomaly: the building blocks have no network that finds anomalies",
            remedy="build one in the module, such as an autoencoder, or choose another task",
        )
    return task


def _normalised(features: Any, filters: int, kernel: int | tuple[int, int], strides: Any) -> Any:
    features = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False)(features)
    return layers.BatchNormalization(momentum=0.9)(features)


def _with_channels(features: Any) -> Any:
    """(height, width) as a picture of one channel."""
    return features if len(features.shape) == 4 else layers.Reshape((*features.shape[1:], 1))(features)


def _along_time(features: Any) -> Any:
    """(time, channels) as a picture that is one pixel wide."""
    return layers.Reshape((features.shape[1], 1, features.shape[2]))(features)


def _fitting(
    config: Mapping[str, Any],
    widest: int,
    prepare: Prepare | None,
    spread: Callable[[Any], Any],
    body: Callable[[Any, int], Any],
    pool: Pool = mean_over_time,
) -> tf.keras.Model:
    """The widest network, in steps of eight filters, that keeps the board's budget; the narrowest if none does."""

    def build(width: int) -> tf.keras.Model:
        entry = tf.keras.Input(shape_of(config), name=config["input"])
        features = entry if prepare is None else prepare(entry)
        pooled = layers.Dropout(0.2)(layers.Flatten()(pool(body(spread(features), width))))
        return tf.keras.Model(entry, answer(pooled, config))

    budget = Budget.of(config.get("board"))
    for width in range(widest, _STEP, -_STEP):
        model = build(width)
        if budget.holds(model):
            return model
    return build(min(widest, _STEP))
