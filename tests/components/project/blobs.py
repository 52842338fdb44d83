"""Three classes, each a bright row of a 4 x 4 picture: learnt in a second."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs


def run_fn(fn_args: Any) -> None:
    config = fn_args.custom_config
    tf.keras.utils.set_random_seed(0)
    images, labels = _read(fn_args.train_files)
    model = tf.keras.Sequential(
        [
            tf.keras.Input((4, 4, 1), name="picture"),
            tf.keras.layers.Conv2D(4, 3, padding="same", activation="relu"),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=config["epochs"], verbose=0)
    model.export(fn_args.serving_model_dir, verbose=False)


def _read(patterns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    records = list(tf.data.TFRecordDataset(tf.io.gfile.glob(patterns), compression_type="GZIP"))
    parsed = tf.io.parse_example(
        records,
        {"picture": tf.io.FixedLenFeature([4, 4, 1], tf.float32), "kind": tf.io.FixedLenFeature([], tf.int64)},
    )
    return parsed["picture"].numpy(), parsed["kind"].numpy()
