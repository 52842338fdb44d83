from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

CONFIG: dict[str, Any] = {"input": "motion", "label": "kind", "shape": [16, 3], "classes": 2, "seed": 1, "epochs": 4}
Arrays = tuple[npt.NDArray[np.float32], npt.NDArray[Any]]


@pytest.fixture
def training() -> Any:
    from components.building_blocks import training

    return training


def windows(number: int, seed: int) -> Arrays:
    """Half of them wave on the first axis."""
    random = np.random.default_rng(seed)
    kinds = np.arange(number) % 2
    values = random.normal(size=(number, 16, 3))
    values[:, :, 0] += 3 * kinds[:, np.newaxis] * np.sin(np.arange(16))
    return values.astype(np.float32), kinds.astype(np.int64)


def write_records(path: Path, inputs: npt.NDArray[Any], **truth: npt.NDArray[Any]) -> None:
    import tensorflow as tf

    ((name, values),) = truth.items()
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for sample, value in zip(inputs, values, strict=True):
            if values.dtype.kind == "f":
                kind = tf.train.Feature(float_list=tf.train.FloatList(value=value))
            else:
                kind = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
            features = {"motion": tf.train.Feature(float_list=tf.train.FloatList(value=sample.ravel())), name: kind}
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def test_a_split_is_read_in_an_order_of_its_own(training: Any, tmp_path: Path) -> None:
    """Whatever the order and number of the files."""
    inputs, kinds = windows(20, seed=0)
    drawn = np.random.default_rng(1).permutation(20)
    write_records(tmp_path / "one-00", inputs, kind=kinds)
    write_records(tmp_path / "two-00", inputs[drawn[:7]], kind=kinds[drawn[:7]])
    write_records(tmp_path / "two-01", inputs[drawn[7:]], kind=kinds[drawn[7:]])
    one, two = (training.read_split([str(tmp_path / f"{name}-*")], CONFIG, [16, 3]) for name in ("one", "two"))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert one[0].shape == (20, 16, 3)
    assert {sample.tobytes(): kind for sample, kind in zip(*one, strict=True)} == {
        sample.tobytes(): kind for sample, kind in zip(inputs, kinds, strict=True)
    }


def test_targets_are_read_for_a_regression(training: Any, tmp_path: Path) -> None:
    inputs, _ = windows(6, seed=0)
    write_records(tmp_path / "some", inputs, force=inputs[:, 0, :2])
    config = {"input": "motion", "target": "force"}
    read, targets = training.read_split([str(tmp_path / "some")], config, [16, 3])
    np.testing.assert_array_equal(targets, read[:, 0, :2])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50))
def test_each_class_that_is_there_weighs_as_much(labels: list[int]) -> None:
    from components.building_blocks.training import class_weights

    weights = class_weights(np.array(labels), 5)
    each = {kind: labels.count(kind) * weights[kind] for kind in range(5)}
    assert sum(each.values()) == pytest.approx(len(labels))
    assert len({round(share, 6) for share in each.values() if share}) == 1
    assert weights[4] == 0


def test_equal_seeds_train_equal_networks(training: Any) -> None:
    from functools import partial

    import tensorflow as tf

    from components.building_blocks import augmentation
    from components.building_blocks.networks import cnn_1d

    def trained(seed: int) -> tuple[dict[str, list[float]], list[npt.NDArray[Any]]]:
        tf.keras.utils.set_random_seed(seed)
        config = {**CONFIG, "seed": seed}
        model = cnn_1d(config, widest=8)
        history = training.fit(
            model,
            windows(200, seed=2),
            windows(50, seed=3),
            config,
            augmentations=[partial(augmentation.rotate, most=10.0), partial(augmentation.noise, most=0.1)],
            label_smoothing=0.1,
            weights={0: 1.0, 1: 1.2},
        )
        return history, [np.asarray(weight) for weight in model.weights]

    first, second, other = trained(1), trained(1), trained(2)
    assert first[0] == second[0]
    for one, two in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert first[0] != other[0]
    assert first[0]["val_accuracy"][-1] > 0.8


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("regression", None)])
def test_other_tasks_train_as_well(training: Any, task: str, classes: int | None) -> None:
    from components.building_blocks.networks import cnn_1d

    config = {**CONFIG, "task": task, "classes": classes, "epochs": 16}
    history = training.fit(cnn_1d(config, widest=8), windows(200, seed=2), windows(50, seed=3), config)
    assert history["val_loss"][-1] < 0.5 * history["val_loss"][0]
    assert ("accuracy" in history) is (task == "binary")


def test_a_network_that_learnt_standardised_targets_answers_in_their_unit(training: Any) -> None:
    from components.building_blocks.networks import cnn_1d

    model = cnn_1d({**CONFIG, "target": "force", "classes": 2}, widest=8)
    inputs, mean, spread = windows(8, seed=0)[0], np.array([300.0, -2.0]), np.array([40.0, 0.1])
    before = model.predict(inputs, verbose=0)
    training.in_units(model, mean, spread)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), before * spread + mean, rtol=1e-4)


def test_stopping_early_keeps_the_best_weights(training: Any) -> None:
    from components.building_blocks.networks import cnn_1d

    noise = np.random.default_rng(0).integers(0, 2, 50)
    train, held_out = windows(60, seed=2), (windows(50, seed=3)[0], noise)
    config = {**CONFIG, "epochs": 60}
    model = cnn_1d(config, widest=8)
    history = training.fit(model, train, held_out, config, callbacks=[training.early_stopping(3)])
    losses = history["val_loss"]
    assert len(losses) == losses.index(min(losses)) + 4 < 60
    wanted = np.eye(2, dtype=np.float32)[noise]
    assert model.evaluate(held_out[0], wanted, verbose=0)[0] == pytest.approx(min(losses), rel=1e-4)


def test_what_is_held_back_is_in_no_other_part(training: Any) -> None:
    inputs, kinds = np.arange(10), np.arange(10) % 2
    (train, trained), (held, _) = training.divide((inputs, kinds), 0.3, seed=1)
    assert len(held) == 3
    assert sorted([*train, *held]) == list(range(10))
    np.testing.assert_array_equal(trained, train % 2)


def test_the_curve_is_what_the_report_reads(training: Any, tmp_path: Path) -> None:
    from components.training_curve import read_training_curve

    history = {"loss": [2.0, 1.0], "accuracy": [0.1, 0.5], "val_loss": [2.1, 1.1], "val_accuracy": [0.2, 0.6]}
    training.write_curve(history, tmp_path / "run")
    curve = read_training_curve(tmp_path / "run")
    assert curve is not None
    assert (curve.train.loss, curve.eval.accuracy) == ([2.0, 1.0], [0.2, 0.6])
