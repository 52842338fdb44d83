from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.tflm import TflmRunner

SOUND = {"input": "sound", "shape": [98, 40], "classes": 10}
MOTION = {"input": "motion", "shape": [128, 6], "classes": 4}
PICTURE = {"input": "picture", "shape": [32, 32, 3], "classes": 3}
KINDS = [("cnn", SOUND), ("ds_cnn", SOUND), ("small_resnet", PICTURE), ("cnn_1d", MOTION)]
BOARD = {"arena_bytes": 32768, "slot_bytes": 131072}


@pytest.fixture
def networks() -> Any:
    from components.building_blocks import networks

    return networks


def converted(model: Any, tmp_path: Any) -> bytes:
    """The int8 model of an untrained network."""
    from components.tflite_converter.conversion import convert
    from components.tflite_converter.float_model import FloatModel
    from components.trainer.network import _give_weights

    _give_weights(model)
    model.export(str(tmp_path))
    source = FloatModel.load(str(tmp_path))
    some = np.random.default_rng(0).integers(-128, 128, (4, *source.shape))
    return convert(source, some.astype(np.float32))


@pytest.mark.parametrize(("name", "config"), KINDS)
def test_a_network_keeps_the_boards_budget_and_its_needs_are_known_before(
    networks: Any, name: str, config: dict[str, Any], tmp_path: Any
) -> None:
    """Half of the slot and three quarters of the arena, in TFLM."""
    from components.building_blocks.budget import arena_bytes, flash_bytes

    model = getattr(networks, name)({**config, "board": BOARD})
    file = converted(model, tmp_path)
    with TflmRunner(file, arena_bytes=1 << 20) as runner:
        arena = runner.shrink()
    assert len(file) <= BOARD["slot_bytes"] / 2
    assert arena <= BOARD["arena_bytes"] * 3 / 4
    assert 0.95 * len(file) <= flash_bytes(model) <= 1.3 * len(file)
    assert 0.95 * arena <= arena_bytes(model) <= 1.3 * arena


def test_taking_the_mean_away_runs_on_a_board(networks: Any, tmp_path: Any) -> None:
    """TFLM has both operators, and one subtracts a frame from all: loudness does not count."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    model = networks.cnn(SOUND, widest=8, prepare=networks.without_mean)
    quiet = np.random.default_rng(0).integers(-100, 50, (4, 98, 40))
    np.testing.assert_allclose(model(quiet + 50.0), model(quiet * 1.0), atol=1e-3)
    with TflmRunner(converted(model, tmp_path), arena_bytes=1 << 20) as runner:
        assert len(np.unique(runner.run(quiet.astype(np.int8)), axis=0)) > 1


def test_the_most_over_time_is_the_same_of_a_word_said_twice(networks: Any, tmp_path: Any) -> None:
    """In TFLM, where no output sees both words, or a word and an edge."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    long = {**SOUND, "shape": [304, 40]}
    file = converted(networks.cnn(long, widest=8, pool=networks.most_over_time), tmp_path)
    word = np.random.default_rng(1).integers(-100, 100, (16, 40))
    once, twice, silence = np.full((3, 304, 40), -128, np.int8)
    once[96:112] = twice[96:112] = twice[184:200] = word
    with TflmRunner(file, arena_bytes=1 << 20) as runner:
        answers = runner.run(np.stack([once, twice, silence]))
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize(("name", "config"), KINDS)
def test_a_larger_board_gets_a_wider_network_up_to_the_widest(networks: Any, name: str, config: dict[str, Any]) -> None:
    build = getattr(networks, name)
    boards = [{"arena_bytes": size, "slot_bytes": 4 * size} for size in (1, 24_000, 60_000, 10_000_000)]
    sizes = [build({**config, "board": board}).count_params() for board in boards]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert sizes[0] == build(config, widest=8).count_params()
    assert sizes[-1] == build(config).count_params()


@pytest.mark.parametrize(
    ("asked", "outputs", "activation"),
    [
        ({"classes": 3}, 3, "softmax"),
        ({"classes": 3, "task": "classification"}, 3, "softmax"),
        ({"classes": 2, "task": "binary"}, 1, "sigmoid"),
        ({"target": "force"}, 1, "linear"),
        ({"target": "force", "classes": 2, "task": "regression"}, 2, "linear"),
    ],
)
def test_the_answer_is_what_the_task_wants(networks: Any, asked: dict[str, Any], outputs: int, activation: str) -> None:
    model = networks.cnn_1d({"input": "motion", "shape": [64, 3], **asked}, widest=8)
    assert model.input_shape == (None, 64, 3)
    assert model.output_shape == (None, outputs)
    assert model.layers[-1].activation.__name__ == activation


def test_anomalies_take_a_network_of_another_kind(networks: Any) -> None:
    with pytest.raises(TinyopsError, match="no network that finds anomalies"):
        networks.cnn_1d({**MOTION, "task": "anomaly"})
