"""The lines of the documentation that convert a model of Keras: what they make can be pushed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.tflm import TflmRunner, describe_precision
from edge_deployer.tflm.other_formats import require_tflite

PAGE = Path(__file__).parents[2] / "docs" / "release-engineer.md"


def test_a_keras_model_is_converted_by_the_lines_that_its_refusal_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    monkeypatch.chdir(tmp_path)
    network = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(4, activation="softmax")])
    network.save("model.keras")
    network.save("model.h5")
    recipe = re.search(r"```python\n(import tensorflow.*?)```", PAGE.read_text(), re.DOTALL)
    assert recipe is not None
    exec(recipe[1], {"samples": np.random.default_rng(0).random((20, 8), np.float32)})
    for name in ("model.keras", "model.h5", "saved_model", "saved_model/saved_model.pb"):
        with pytest.raises(TinyopsError, match=r"not a \.tflite file") as caught:
            require_tflite(Path(name))
        assert "A model that is not TFLite yet" in caught.value.remedy
    require_tflite(Path("model.tflite"))
    model = Path("model.tflite").read_bytes()
    assert describe_precision(model) == "int8"
    TflmRunner(model, arena_bytes=10_000).close()
