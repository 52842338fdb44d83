"""Training samples changed at random, a batch at a time, in TensorFlow.

Every function takes a float32 batch and a seed and gives a batch of the same shape; each sample of the batch is changed
in its own way, and equal seeds give equal changes. Spectrograms and motion windows have the shape (n, time, channels),
spectrograms on a logarithmic scale; pictures have (n, height, width, channels). `floor` is the value of silence, e.g.
-128 of int8 features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, pi
from typing import Any

import tensorflow as tf

Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Of a batch and an int32 seed of shape (2,); `functools.partial` binds the parameters."""


def augmented(dataset: tf.data.Dataset, augmentations: Sequence[Augmentation], seed: int) -> tf.data.Dataset:
    """Change the inputs of each batch, anew in each epoch.

    Args:
        dataset: batches of inputs and of whatever stands beside them (labels, weights), which stays as it is.
        augmentations: applied one after the other.
        seed: what all changes follow from, whatever the number of threads.
    """
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2, drop_remainder=True)

    def change(rows: tuple[Any, ...], drawn: tf.Tensor) -> tuple[Any, ...]:
        batch, key = rows[0], tf.cast(drawn % (1 << 31), tf.int32)
        for number, augmentation in enumerate(augmentations):
            batch = augmentation(batch, tf.random.experimental.stateless_fold_in(key, number))
        return (batch, *rows[1:])

    return tf.data.Dataset.zip((dataset, seeds)).map(change, num_parallel_calls=2)


def shift(batch: tf.Tensor, seed: tf.Tensor, *, steps: float, floor: float = 0.0) -> tf.Tensor:
    """Move each sample along time by up to `steps` either way; what comes in is `floor`."""
    offsets = _uniform(batch, seed, -steps, steps)
    return _resample(batch, _places(batch, 1) - tf.round(offsets), floor)


def speed(batch: tf.Tensor, seed: tf.Tensor, *, most: float, floor: float = 0.0) -> tf.Tensor:
    """Make each sample up to a factor of `most` (1.2: a fifth) faster or slower, about its middle."""
    factor = most ** _uniform(batch, seed, -1, 1)
    middle = (tf.cast(tf.shape(batch)[1], tf.float32) - 1) / 2
    return _resample(batch, (_places(batch, 1) - middle) * factor + middle, floor)


def warp_channels(batch: tf.Tensor, seed: tf.Tensor, *, most: float, steps: float = 0.0) -> tf.Tensor:
    """Stretch a spectrogram along its channels by a factor of up to `most`, and move it by up to `steps` channels.

    On a mel scale this is about what another length of the vocal tract does. The outermost channel is repeated.
    """
    factor, offset = most ** _uniform(batch, seed, -1, 1), _uniform(batch, _next(seed), -steps, steps)
    last = tf.cast(tf.shape(batch)[2], tf.float32) - 1
    places = tf.clip_by_value(_places(batch, 2) * factor + offset, 0.0, last)
    return tf.transpose(_resample(tf.transpose(batch, (0, 2, 1)), places, 0.0), (0, 2, 1))


def gain(batch: tf.Tensor, seed: tf.Tensor, *, most: float, floor: float = 0.0) -> tf.Tensor:
    """Multiply what lies over `floor` by a factor of up to `most` for each sample, or divide it.

    On a logarithmic scale this is contrast: how far loud and soft parts of a word lie apart.
    """
    factor = most ** _uniform(batch, seed, -1, 1)
    return floor + (batch - floor) * tf.reshape(factor, [-1] + [1] * (len(batch.shape) - 1))


def equalise(batch: tf.Tensor, seed: tf.Tensor, *, most: float, bands: int = 4, floor: float = 0.0) -> tf.Tensor:
    """Add a curve over the channels to a logarithmic spectrogram: another microphone, room or distance.

    The curve is drawn at `bands` places, up to `most` either way, and is straight between them. Silence stays.
    """
    curve = _curve(batch, seed, most, bands)
    return tf.where(batch > floor, tf.maximum(batch + curve[:, tf.newaxis], floor), batch)


def noise(batch: tf.Tensor, seed: tf.Tensor, *, most: float) -> tf.Tensor:
    """Add white noise with a standard deviation of up to `most`, one for each sample."""
    deviation = tf.reshape(_uniform(batch, seed, 0, most), [-1] + [1] * (len(batch.shape) - 1))
    return batch + deviation * tf.random.stateless_normal(tf.shape(batch), _next(seed))


def hiss(batch: tf.Tensor, seed: tf.Tensor, *, most: float, step: float, floor: float = 0.0) -> tf.Tensor:
    """Add a steady noise to the energies of a logarithmic spectrogram, where there is sound: a recording's own hiss.

    Args:
        batch: spectrograms.
        seed: of each sample's noise.
        most: its greatest level, before it is coloured by up to a doubling and a half either way. The least is so far
            below `floor` that nothing is heard of it.
        step: what a doubling of the energy adds, e.g. 8 where values are eighths of an octave.
        floor: silence; frames of nothing else stay as they are.
    """
    level = _uniform(batch, seed, floor - 3 * step, most)
    colour = _curve(batch, _next(seed), 1.5 * step, bands=3)
    uneven = 0.75 * step * tf.random.stateless_normal(tf.shape(batch), _next(_next(seed)))
    added = (level + colour)[:, tf.newaxis] + uneven
    both = tf.maximum(batch, added) + step / log(2) * tf.math.log1p(2.0 ** (-tf.abs(batch - added) / step))
    heard = tf.reduce_max(batch, axis=2, keepdims=True) > floor + step
    return tf.where(heard, tf.maximum(both, floor), batch)


def onset_noise(batch: tf.Tensor, seed: tf.Tensor, *, most: float, fade: float, floor: float = 0.0) -> tf.Tensor:
    """Add to half of the spectrograms a noise that fades: a steady hiss, until a front end has learnt to take it away.

    Args:
        batch: logarithmic spectrograms.
        seed: of each sample's noise.
        most: its greatest level in the first step; the least is as far below `floor`, and nothing is heard of it.
        fade: most that it loses a step; the least is an eighth of that.
        floor: silence.
    """
    level = _uniform(batch, seed, 2 * floor - most, most)
    lost = fade * 8.0 ** _uniform(batch, _next(seed), -1, 0) * _places(batch, 1)
    spread = (most - floor) / 16
    colour = _curve(batch, _next(_next(seed)), spread, bands=3)
    uneven = spread / 2 * tf.random.stateless_normal(tf.shape(batch), _next(_next(_next(seed))))
    return tf.maximum(batch, (level - lost)[:, :, tf.newaxis] + colour[:, tf.newaxis] + uneven)


def mask(batch: tf.Tensor, seed: tf.Tensor, *, time: int, channels: int, times: int = 2) -> tf.Tensor:
    """Cover stretches of time and of channels with the sample's mean: SpecAugment (Park et al. 2019).

    Args:
        batch: spectrograms.
        seed: of the places and lengths.
        time: longest stretch, in steps.
        channels: widest stretch, in channels.
        times: stretches of each.
    """
    mean = tf.reduce_mean(batch, axis=(1, 2), keepdims=True)
    for _ in range(times):
        batch = tf.where(_stretch(batch, seed, 1, time)[:, :, tf.newaxis], mean, batch)
        batch = tf.where(_stretch(batch, _next(seed), 2, channels)[:, tf.newaxis], mean, batch)
        seed = _next(_next(seed))
    return batch


def rotate(batch: tf.Tensor, seed: tf.Tensor, *, most: float) -> tf.Tensor:
    """Turn the first three channels of motion windows, one sensor's axes, by up to `most` degrees about any axis."""
    rows = tf.shape(batch)[0]
    axis = tf.math.l2_normalize(tf.random.stateless_normal((rows, 3), seed), axis=1)
    angle = _uniform(batch, _next(seed), -1, 1)[:, :, tf.newaxis] * most * pi / 180
    x, y, z = tf.unstack(axis, axis=1)
    zero = tf.zeros_like(x)
    cross = tf.reshape(tf.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1), (-1, 3, 3))
    turned = tf.eye(3) + tf.sin(angle) * cross + (1 - tf.cos(angle)) * (cross @ cross)  # Rodrigues' formula
    return tf.concat([tf.linalg.matmul(batch[:, :, :3], turned, transpose_b=True), batch[:, :, 3:]], axis=2)


def deform(
    batch: tf.Tensor,
    seed: tf.Tensor,
    *,
    degrees: float = 0.0,
    stretch: float = 1.0,
    slant: float = 0.0,
    pixels: float = 0.0,
) -> tf.Tensor:
    """Turn, stretch, slant and move pictures about their middle; what comes in repeats the outermost pixels.

    Args:
        batch: pictures.
        seed: of what is drawn for each.
        degrees: most that a picture is turned, either way.
        stretch: most that its height and its width are multiplied by or divided by, each on its own.
        slant: most that a row is moved for each pixel between it and the middle one, as italics are.
        pixels: most that a picture is moved along each side.
    """
    bounds = tf.stack([degrees * pi / 180, slant, 1.0, 1.0, pixels, pixels])
    drawn = tf.random.stateless_uniform((tf.shape(batch)[0], 6), seed, -1, 1) * bounds
    angle, lean, wider, higher, right, down = tf.unstack(drawn, axis=1)
    wider, higher = stretch**wider, stretch**higher
    cosine, sine = tf.cos(angle), tf.sin(angle)
    # From a pixel of the new picture to where it is read: turned, slanted, stretched, in this order.
    matrix = [(cosine + lean * sine) * wider, (lean * cosine - sine) * wider, sine * higher, cosine * higher]
    height, width = tf.unstack(tf.cast(tf.shape(batch)[1:3], tf.float32) / 2 - 0.5)
    x = width + right - matrix[0] * width - matrix[1] * height
    y = height + down - matrix[2] * width - matrix[3] * height
    zero = tf.zeros_like(x)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=batch,
        transforms=tf.stack([*matrix[:2], x, *matrix[2:], y, zero, zero], axis=1),
        output_shape=tf.shape(batch)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _curve(batch: tf.Tensor, seed: tf.Tensor, most: float, bands: int) -> tf.Tensor:
    """Over the channels, up to `most` either way at each of `bands` places, and straight between: (n, channels)."""
    ends = tf.random.stateless_uniform((tf.shape(batch)[0], bands), seed, -most, most)
    places = tf.linspace(0.0, bands - 1.0, batch.shape[2])
    return tf.linalg.matmul(ends, _weights(places, bands), transpose_b=True)


def _uniform(batch: tf.Tensor, seed: tf.Tensor, least: float, most: float) -> tf.Tensor:
    """A value for each sample, shape (n, 1)."""
    return tf.random.stateless_uniform((tf.shape(batch)[0], 1), seed, least, most)


def _next(seed: tf.Tensor) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, 1)


def _places(batch: tf.Tensor, axis: int) -> tf.Tensor:
    """Where each step of an axis is read from, unchanged: shape (n, steps)."""
    steps = tf.shape(batch)[axis]
    return tf.tile(tf.range(tf.cast(steps, tf.float32))[tf.newaxis], (tf.shape(batch)[0], 1))


def _resample(batch: tf.Tensor, places: tf.Tensor, floor: float) -> tf.Tensor:
    """Read the time axis at other places, straight between two steps; beyond the ends lies `floor`."""
    return tf.linalg.matmul(_weights(places, tf.shape(batch)[1]), batch - floor) + floor


def _weights(places: tf.Tensor, steps: int | tf.Tensor) -> tf.Tensor:
    """How much of each step a place takes when it is read straight between two: shape (*places, steps)."""
    numbers = tf.range(tf.cast(steps, tf.float32))
    return tf.nn.relu(1 - tf.abs(places[..., tf.newaxis] - numbers))


def _stretch(batch: tf.Tensor, seed: tf.Tensor, axis: int, longest: int) -> tf.Tensor:
    """Which steps of an axis a stretch of up to `longest` covers in each sample: bool (n, steps)."""
    steps = tf.cast(tf.shape(batch)[axis], tf.float32)
    length = _uniform(batch, seed, 0, longest + 1)
    start = _uniform(batch, _next(seed), 0, 1) * (steps - length)
    places = _places(batch, axis)
    return (places >= tf.floor(start)) & (places < tf.floor(start) + tf.floor(length))
