"""The amplitude of a noisy sine, whose phase is known: learnt in a second."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

LENGTH = 32


def build_model(config: dict[str, Any]) -> Any:
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential(
        [
            tf.keras.Input((LENGTH,), name=config["input"]),
            tf.keras.layers.Dense(8, activation="relu"),
            tf.keras.layers.Dense(config["outputs"]),
        ]
    )


def run_fn(fn_args: Any) -> None:
    config = fn_args.custom_config
    model = build_model(config)
    model.compile(tf.keras.optimizers.Adam(0.02), "mse")
    model.fit(*_read(fn_args.train_files, config["target"]), epochs=config["epochs"], verbose=0)
    model.export(fn_args.serving_model_dir, verbose=False)


def _read(patterns: list[str], target: str) -> tuple[np.ndarray, np.ndarray]:
    records = list(tf.data.TFRecordDataset(tf.io.gfile.glob(patterns), compression_type="GZIP"))
    wanted = {"wave": tf.io.FixedLenFeature([LENGTH], tf.float32), target: tf.io.FixedLenFeature([1], tf.float32)}
    parsed = tf.io.parse_example(records, wanted)
    return parsed["wave"].numpy(), parsed[target].numpy()
