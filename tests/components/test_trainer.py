from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from components.trainer.environment import BOARD_PROFILE
from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.profile import load_profile

MODULE = """
import tensorflow as tf

def build_model({parameters}):
    return {network}

def run_fn(fn_args):
    raise AssertionError("trained")
"""

NETWORK = """tf.keras.Sequential([
        tf.keras.Input({shape}, name="{name}"),
        tf.keras.layers.Flatten(),
        {layer},
    ])"""

DENSE = 'tf.keras.layers.Dense(3, activation="softmax")'


def network(shape: tuple[int, ...] = (4, 4), name: str = "picture", layer: str = DENSE) -> str:
    return NETWORK.format(shape=shape, name=name, layer=layer)


@pytest.fixture
def train(line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the Trainer on the blobs with a module of this text; the board's profile may be changed."""

    def run(text: str, *, known: dict[str, Any] | None = None, **profile: Any) -> None:
        from tfx.types import standard_artifacts

        from components.trainer.executor import Executor

        changed = load_profile("cortex-m4").model_copy(update=profile)
        monkeypatch.setenv(BOARD_PROFILE, changed.model_dump_json())
        (tmp_path / "own_network.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "own_network", raising=False)
        outputs = {"model": [standard_artifacts.Model()], "model_run": [standard_artifacts.ModelRun()]}
        for name, (artifact,) in outputs.items():
            artifact.uri = str(tmp_path / name)
        parameters = {
            "run_fn": "own_network.run_fn",
            "custom_config": json.dumps({"label": "kind", **(known or {})}),
            "train_args": "{}",
            "eval_args": "{}",
        }
        Executor().Do({"examples": [line.artifact("SensorExampleGen", "examples")]}, outputs, parameters)

    return run


def refusal(train, built: str, **profile: Any) -> TinyopsError:
    """What is said of a network before it is trained."""
    with pytest.raises(TinyopsError) as refused:
        train(MODULE.format(parameters="config", network=built), **profile)
    return refused.value


def test_what_the_network_takes_is_told_before_it_is_trained(train, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tinyops.training"), pytest.raises(AssertionError, match="trained"):
        train(MODULE.format(parameters="config, width=3", network=network()))
    (told,) = [record.getMessage() for record in caplog.records if record.name == "tinyops.training"]
    assert told.startswith("untrained: ")
    assert "of 262,144 bytes, about 0.0 ms on cortex-m4; 1 FULLY_CONNECTED, 1 RESHAPE, 1 SOFTMAX" in told


@pytest.mark.parametrize(
    ("built", "profile", "said"),
    [
        (network(layer='tf.keras.layers.Dense(3, activation="gelu")'), {}, "no kernel for the operator GELU"),
        (network(layer="tf.keras.layers.Dense(3, activation=tf.math.erf)"), {}, "converted to int8: tf.Erf"),
        (network(), {"arena_bytes": 512}, "would not run on cortex-m4, trained or not"),
        (network(layer="tf.keras.layers.Dense(20_000)"), {"slot_bytes": 262_144}, "a slot of cortex-m4 holds"),
    ],
)
def test_a_network_that_would_not_run_is_refused_before_it_is_trained(
    train, built: str, profile: dict[str, int], said: str
) -> None:
    error = refusal(train, built, **profile)
    assert isinstance(error, Refused)
    assert said in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("built", "said"),
    [
        (network(shape=(5, 5)), "'picture' has 16 values a sample; the model's input [5, 5] takes 25"),
        (network(name="sound"), "have no feature 'sound'; they have kind, person, picture"),
        ("tf.keras.Sequential([tf.keras.layers.Dense(3)])", "returned Sequential, and no Keras model whose input"),
        ("None", "returned NoneType, and no Keras model"),
    ],
)
def test_a_network_of_another_shape_than_the_data(train, built: str, said: str) -> None:
    error = refusal(train, built)
    assert not isinstance(error, Refused)
    assert said in error.message


@pytest.mark.parametrize(
    ("layer", "known", "said"),
    [
        ("tf.keras.layers.Dense(2)", {"classes": 3}, "3 classes; the model has 2 outputs"),
        ('tf.keras.layers.Dense(1, activation="sigmoid")', {"classes": 3}, "3 classes; the model has 1 outputs"),
        (DENSE, {"classes": 2, "task": "binary"}, "the task is binary, and the model has 3 outputs"),
    ],
)
def test_outputs_that_do_not_fit_the_task(train, layer: str, known: dict[str, Any], said: str) -> None:
    with pytest.raises(TinyopsError, match=said):
        train(MODULE.format(parameters="config", network=network(layer=layer)), known=known)


@pytest.mark.parametrize("parameters", ["classes", "config, classes", ""])
def test_a_function_that_takes_something_else_is_the_modules_own_affair(train, parameters: str) -> None:
    with pytest.raises(AssertionError, match="trained"):
        train(MODULE.format(parameters=parameters, network="1 / 0"))


def test_weights_that_begin_as_zeros_are_no_reason_for_a_refusal(train) -> None:
    layer = 'tf.keras.layers.Dense(3, kernel_initializer="zeros", activation="softmax")'
    with pytest.raises(AssertionError, match="trained"):
        train(MODULE.format(parameters="config", network=network(layer=layer)))


def test_a_run_fn_that_saves_no_model(train) -> None:
    with pytest.raises(TinyopsError, match=r"own_network\.run_fn returned and saved no model") as refused:
        train("def run_fn(fn_args): ...\n")
    assert "model.export" in refused.value.remedy
