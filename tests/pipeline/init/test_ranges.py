"""The range that becomes int8: within int16, around the data, and one that `scale` takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from components.sensor_example_gen.features.scale import Scale, ScaleSection
from pipeline.init.ranges import ranges_of, scale_choice


@given(
    arrays(np.float32, (40, 3), elements=st.floats(-1, 1, width=32)),
    st.floats(1e-6, 1e6),
    st.floats(-2, 2),
)
def test_what_is_proposed_uses_most_of_int8_and_cuts_off_little(values: np.ndarray, size: float, offset: float) -> None:
    values = ((values + offset) * size).astype(np.float32)
    choice = scale_choice(ranges_of(values))
    if choice.value == "none":
        return
    scale = Scale(ScaleSection.model_validate(choice.value))
    features = scale.compute(scale.raw(values))
    inside = (values >= np.percentile(values, 1, axis=0)) & (values <= np.percentile(values, 99, axis=0))
    step = np.ptp(np.broadcast_arrays(*map(np.atleast_1d, (choice.value["low"], choice.value["high"]))), axis=0) / 255
    low = np.atleast_1d(choice.value["low"])
    back = (features.astype(np.float64) + 128) * step + low
    assert (abs(back - values)[inside] <= np.broadcast_to(2 * step + size * 1e-3, values.shape)[inside]).all()


def test_integers_of_a_sensor_keep_their_range() -> None:
    values = np.array([[-4000, 0], [4000, 200]], np.int16)
    assert scale_choice(ranges_of(values)).value == {"kind": "scale", "low": [-4000, 0], "high": [4000, 200]}


def test_whole_numbers_in_floats_are_steps_of_one() -> None:
    values = np.arange(200, dtype=np.float32).reshape(100, 2)
    assert scale_choice(ranges_of(values)).value == {"kind": "scale", "low": 0, "high": 199, "resolution": 1}


def test_columns_that_are_alike_share_a_range() -> None:
    random = np.random.default_rng(0)
    alike = random.uniform(-1, 1, (500, 3))
    assert isinstance(scale_choice(ranges_of(alike)).value["low"], float)
    assert isinstance(scale_choice(ranges_of(alike * [1, 1, 250])).value["low"], list)


@pytest.mark.parametrize("offset", [1e5, -1e5])
def test_what_int16_cannot_hold_is_left_to_the_host(offset: float) -> None:
    values = offset + np.random.default_rng(0).uniform(-1, 1, (500, 1))
    assert scale_choice(ranges_of(values)).value == "none"
