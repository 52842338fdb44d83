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
    "hiss": {"most": 5.0, "step": 8.0, "floor": FLOOR},
    "noise": {"most": 5.0},
    "onset_noise": {"most": 110.0, "fade": 15.0, "floor": FLOOR},
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


def test_a_hiss_adds_energy_where_there_is_sound_and_leaves_silence(augmentation: Any, sound: Batch) -> None:
    sound[:, 20:] = FLOOR
    changed = augmentation.hiss(sound, [1, 2], most=5.0, step=8.0, floor=FLOOR).numpy()
    np.testing.assert_array_equal(changed[:, 20:], sound[:, 20:])
    assert (changed[:, :20] >= sound[:, :20]).all()
    loud, soft = sound > 60, (sound > FLOOR) & (sound < -60)
    assert (changed - sound)[loud].max() < 2 < (changed - sound)[soft].max()


def test_noise_at_the_onset_fades_and_covers_nothing_that_is_louder(augmentation: Any) -> None:
    silence = np.full((40, 60, 12), FLOOR, np.float32)
    heard = augmentation.onset_noise(silence, [1, 2], most=110.0, fade=15.0, floor=FLOOR).numpy()
    levels = heard.mean(axis=2)
    assert 10 < (levels[:, 0] > FLOOR + 30).sum() < 30
    loud = levels[:, 0] > 30
    assert loud.any()
    assert (levels[loud, 0] - levels[loud, 10] > 10).all()
    word = np.full_like(silence, 127)
    word_heard = augmentation.onset_noise(word, [1, 2], most=60.0, fade=15.0, floor=FLOOR).numpy()
    np.testing.assert_array_equal(word_heard, word)


def test_contrast_leaves_silence(augmentation: Any, sound: Batch) -> None:
    changed = augmentation.gain(sound, [1, 2], most=1.5, floor=FLOOR).numpy()
    factors = (changed - FLOOR) / (sound - FLOOR)
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:, :1, :1], factors.shape), rtol=1e-4)
    assert 1 / 1.5 <= factors.min() < 1 < factors.max() <= 1.5


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


DEFORMED = {"degrees": 20.0, "stretch": 1.3, "slant": 0.2, "pixels": 2.0}


@pytest.fixture
def bars() -> Batch:
    """An upright bar in the middle of each picture, 4 wide and 20 high."""
    pictures = np.full((40, 41, 31, 2), FLOOR, np.float32)
    pictures[:, 10:31, 13:18] = 100
    return pictures


def moments(pictures: Batch) -> tuple[Any, Any, Any]:
    """Of the first channel: middle (n, 2), covariance (n, 2, 2) of rows and columns, and how much is drawn (n,)."""
    share = pictures[..., 0] - FLOOR
    drawn = share.sum(axis=(1, 2))
    places = np.moveaxis(np.indices(share.shape[1:]), 0, -1).reshape(-1, 2)
    weights = share.reshape(len(share), -1) / drawn[:, np.newaxis]
    middle = weights @ places
    apart = places - middle[:, np.newaxis]
    return middle, np.einsum("np,npi,npj->nij", weights, apart, apart), drawn


def tilt(covariance: Any) -> Any:
    """Angle between a bar and upright, in degrees; to the right above is positive."""
    return np.degrees(0.5 * np.arctan2(-2 * covariance[:, 0, 1], covariance[:, 0, 0] - covariance[:, 1, 1]))


def test_a_deformation_says_all_by_its_seed_and_each_picture_is_changed_in_its_own_way(
    augmentation: Any, bars: Batch
) -> None:
    changed = augmentation.deform(bars, [1, 2], **DEFORMED).numpy()
    assert changed.shape == bars.shape
    np.testing.assert_array_equal(changed, augmentation.deform(bars, [1, 2], **DEFORMED).numpy())
    assert len({picture.tobytes() for picture in changed}) == len(bars)
    np.testing.assert_array_equal(changed[..., 0], changed[..., 1])
    np.testing.assert_allclose(augmentation.deform(bars, [1, 2]).numpy(), bars, atol=1e-2)


def test_pictures_are_turned_about_their_middle_by_as_much_as_may_be(augmentation: Any, bars: Batch) -> None:
    middle, covariance, drawn = moments(augmentation.deform(bars, [1, 2], degrees=20.0).numpy())
    np.testing.assert_allclose(middle, [[20, 15]] * 40, atol=0.1)
    np.testing.assert_allclose(drawn, moments(bars)[2], rtol=0.02)
    angles = tilt(covariance)
    assert -20.5 < angles.min() < -12
    assert 12 < angles.max() < 20.5


def test_pictures_are_stretched_each_way_on_its_own(augmentation: Any, bars: Batch) -> None:
    middle, covariance, _ = moments(augmentation.deform(bars, [1, 2], stretch=1.3).numpy())
    np.testing.assert_allclose(middle, [[20, 15]] * 40, atol=0.1)
    factors = np.sqrt(np.stack([covariance[:, axis, axis] / moments(bars)[1][:, axis, axis] for axis in (0, 1)]))
    assert ((factors.min(axis=1) < 0.9) & (factors.max(axis=1) > 1.15)).all()
    assert (factors < 1.35).all()
    assert abs(np.corrcoef(factors)[0, 1]) < 0.5


def test_pictures_are_slanted_as_italics_are(augmentation: Any, bars: Batch) -> None:
    """Rows are moved along themselves, and no column is."""
    slanted = augmentation.deform(bars, [1, 2], slant=0.2).numpy()
    angles = tilt(moments(slanted)[1])
    assert -12.5 < angles.min() < -7
    assert 7 < angles.max() < 12.5
    np.testing.assert_allclose(slanted.sum(axis=2), bars.sum(axis=2), rtol=1e-3)


def test_turning_and_slanting_together_keep_areas(augmentation: Any, bars: Batch) -> None:
    drawn = moments(augmentation.deform(bars, [1, 2], degrees=20.0, slant=0.2).numpy())[2]
    np.testing.assert_allclose(drawn, moments(bars)[2], rtol=0.03)


def test_pictures_are_moved_by_no_more_pixels_than_they_may(augmentation: Any, bars: Batch) -> None:
    middle, _, drawn = moments(augmentation.deform(bars, [1, 2], pixels=2.0).numpy())
    apart = np.abs(middle - [20, 15])
    assert (apart.max(axis=0) > 1.5).all()
    assert apart.max() <= 2.01
    np.testing.assert_allclose(drawn, moments(bars)[2], rtol=1e-3)


def test_what_comes_into_a_picture_repeats_its_outermost_pixels(augmentation: Any) -> None:
    halves = np.concatenate([np.full((9, 12, 6, 1), -50.0), np.full((9, 12, 6, 1), 70.0)], axis=2).astype(np.float32)
    moved = augmentation.deform(halves, [1, 2], pixels=4.0).numpy()
    np.testing.assert_allclose(moved[:, :, 0], -50, atol=1e-3)
    np.testing.assert_allclose(moved[:, :, -1], 70, atol=1e-3)


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
