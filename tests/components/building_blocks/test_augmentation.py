from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

FLOOR = -128.0
Batch = npt.NDArray[np.float32]


@pytest.fixture
def augmentation() -> Any:
    from components.building_blocks import augmentation

    return augmentation


@pytest.fixture
def sound() -> Batch:
    return np.random.default_rng(0).uniform(-100, 100, (6, 30, 12)).astype(np.float32)


ALL = {
    "shift": {"steps": 5.0},
    "speed": {"most": 1.3},
    "warp_channels": {"most": 1.2, "steps": 1.0},
    "gain": {"most": 2.0},
    "equalise": {"most": 20.0, "floor": FLOOR},
    "noise": {"most": 5.0},
    "mask": {"time": 6, "channels": 3},
    "rotate": {"most": 30.0},
}


@pytest.mark.parametrize("name", ALL)
def test_a_seed_says_all_and_each_sample_is_changed_in_its_own_way(augmentation: Any, name: str) -> None:
    change = partial(getattr(augmentation, name), **ALL[name])
    one = np.random.default_rng(1).uniform(-100, 100, (1, 30, 12)).astype(np.float32)
    batch = np.repeat(one, 8, axis=0)
    changed = change(batch, [3, 4]).numpy()
    assert changed.shape == batch.shape
    np.testing.assert_array_equal(changed, change(batch, [3, 4]).numpy())
    assert not np.array_equal(changed, change(batch, [3, 5]).numpy())
    assert len({sample.tobytes() for sample in changed}) > 4


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("shift", {"steps": 0.0}),
        ("speed", {"most": 1.0}),
        ("warp_channels", {"most": 1.0}),
        ("gain", {"most": 1.0}),
        ("equalise", {"most": 0.0, "floor": FLOOR}),
        ("noise", {"most": 0.0}),
        ("mask", {"time": 0, "channels": 0}),
        ("rotate", {"most": 0.0}),
    ],
)
def test_no_change_at_all_is_the_sample_itself(
    augmentation: Any, sound: Batch, name: str, parameters: dict[str, Any]
) -> None:
    np.testing.assert_allclose(getattr(augmentation, name)(sound, [1, 2], **parameters), sound, atol=1e-3)


def test_a_shift_moves_all_channels_together_and_fills_with_silence(augmentation: Any) -> None:
    click = np.full((50, 30, 4), FLOOR, np.float32)
    click[:, 15] = 100
    moved = augmentation.shift(click, [1, 2], steps=5.0, floor=FLOOR).numpy()
    assert ((moved == 100).sum(axis=1) == 1).all()
    assert np.isin(moved, (100, FLOOR)).all()
    places = moved.argmax(axis=1)
    assert (places == places[:, :1]).all()
    assert set(places[:, 0]) == set(range(10, 21))


def test_speed_moves_what_is_off_the_middle(augmentation: Any) -> None:
    click = np.full((50, 61, 1), FLOOR, np.float32)
    click[:, 29:32] = 100
    click[:, 50] = 100
    places = augmentation.speed(click, [1, 2], most=1.2, floor=FLOOR).numpy()[:, 35:].argmax(axis=1) + 35
    assert places.min() < 48 < 52 < places.max()
    assert np.abs(places - 30).max() <= 25


def test_an_equaliser_is_the_same_at_all_times_and_leaves_silence(augmentation: Any, sound: Batch) -> None:
    sound[:, 20:] = FLOOR
    changed = augmentation.equalise(sound, [1, 2], most=20.0, floor=FLOOR).numpy()
    np.testing.assert_array_equal(changed[:, 20:], sound[:, 20:])
    curve = changed[:, :20] - sound[:, :20]
    np.testing.assert_allclose(curve, np.repeat(curve[:, :1], 20, axis=1), atol=1e-3)
    assert 5 < np.abs(curve).max() <= 20


def test_masks_cover_no_more_than_they_may(augmentation: Any, sound: Batch) -> None:
    masked = augmentation.mask(sound, [1, 2], time=6, channels=3).numpy()
    covered = masked != sound
    assert (covered.all(axis=2).sum(axis=1) <= 12).all()
    assert (covered.all(axis=1).sum(axis=1) <= 6).all()
    assert covered.any(axis=(1, 2)).all()
    mean = sound.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(masked[covered], np.broadcast_to(mean, sound.shape)[covered], rtol=1e-4)


def test_a_rotation_keeps_lengths_and_other_sensors(augmentation: Any, sound: Batch) -> None:
    turned = augmentation.rotate(sound, [1, 2], most=30.0).numpy()
    axes = sound[:, :, :3], turned[:, :, :3]
    before, after = (np.linalg.norm(vectors, axis=2) for vectors in axes)
    np.testing.assert_allclose(after, before, rtol=1e-4)
    np.testing.assert_array_equal(turned[:, :, 3:], sound[:, :, 3:])
    cosine = (axes[0] * axes[1]).sum(axis=2) / (before * after)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() <= 30.1


def test_gain_and_noise_take_pictures_as_well(augmentation: Any) -> None:
    pictures = np.ones((20, 8, 8, 1), np.float32)
    factors = augmentation.gain(pictures, [1, 2], most=2.0).numpy()
    assert (factors == factors[:, :1, :1]).all()
    assert 0.5 <= factors.min() < 1 < factors.max() <= 2
    assert augmentation.noise(pictures, [1, 2], most=1.0).shape == pictures.shape


def test_a_dataset_is_changed_anew_in_each_epoch_and_the_same_in_each_training(augmentation: Any, sound: Batch) -> None:
    import tensorflow as tf

    labels = np.arange(len(sound))

    def epochs(seed: int) -> tuple[list[Batch], list[Any]]:
        batches = tf.data.Dataset.from_tensor_slices((sound, labels)).batch(2)
        changed = augmentation.augmented(batches, [partial(augmentation.noise, most=5.0)], seed)
        read = [list(changed.as_numpy_iterator()) for _ in range(1)] + [list(changed.repeat(2).as_numpy_iterator())]
        inputs, kept = zip(*(batch for epoch in read for batch in epoch), strict=True)
        return list(inputs), list(kept)

    inputs, kept = epochs(1)
    np.testing.assert_array_equal(np.concatenate(kept), np.tile(labels, 3))
    np.testing.assert_array_equal(np.concatenate(inputs), np.concatenate(epochs(1)[0]))
    assert not np.array_equal(inputs[0], epochs(2)[0][0])
    assert not np.array_equal(inputs[3], inputs[6])
