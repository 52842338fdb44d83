"""Bounds hold at every number of samples at once, and say as much as they can."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_deployer.acceptance.statistics.confidence_sequence import (
    mean_lower_bound,
    mean_upper_bound,
    share_lower_bound,
    share_upper_bound,
)

CONFIDENCE = 0.9
COUNTS = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
UNIT_VALUES = st.lists(st.floats(0, 1), max_size=60).map(np.array)


class Bounds(NamedTuple):
    """Both bounds, each with half of the error."""

    low: float
    high: float


def share_bounds(failures: int, samples: int, confidence: float) -> Bounds:
    each = (1 + confidence) / 2
    return Bounds(share_lower_bound(failures, samples, each), share_upper_bound(failures, samples, each))


def mean_bounds(values: npt.NDArray[np.float64], low: float, high: float, confidence: float) -> Bounds:
    each = (1 + confidence) / 2
    return Bounds(mean_lower_bound(values, low, high, each), mean_upper_bound(values, low, high, each))


def refuting_counts(share: float, most_samples: int) -> tuple[list[int], list[int]]:
    """For each number of samples, up to how many failures, and from how many on, the bounds exclude the share."""
    too_few, too_many = [], []
    low, high = -1, 1
    for samples in range(1, most_samples + 1):
        while share_bounds(low + 1, samples, CONFIDENCE).high < share:
            low += 1
        while high <= samples and share_bounds(high, samples, CONFIDENCE).low <= share:
            high += 1
        too_few.append(low)
        too_many.append(high)
    return too_few, too_many


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_share_bounds_hold_at_every_number_of_samples_at_once(share: float) -> None:
    too_few, too_many = refuting_counts(share, 150)
    experiments = 20_000
    failures = np.cumsum(np.random.default_rng(7).random((experiments, 150)) < share, axis=1)
    held = float(np.mean(~((failures <= too_few) | (failures >= too_many)).any(axis=1)))
    assert held >= CONFIDENCE - 4 * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / experiments)
    assert held < 0.995


def test_the_bound_of_a_share_is_where_the_mixture_is_worth_the_confidence() -> None:
    bound = share_upper_bound(3, 80, 0.95)
    smaller = (np.arange(200_000) + 0.5) / 200_000 * bound
    ratio = (smaller / bound) ** 3 * ((1 - smaller) / (1 - bound)) ** 77
    assert float(ratio.mean()) == pytest.approx(20, rel=1e-4)


def test_no_failure_in_so_many_samples_bounds_the_share() -> None:
    assert share_upper_bound(0, 100, 0.95) == pytest.approx(0.0440, abs=0.0005)
    assert share_upper_bound(0, 10_000, 0.95) < 0.0005


@given(counts=COUNTS, confidence=st.floats(0.01, 0.99), more=st.floats(0.001, 0.009))
def test_share_bounds_hold_the_estimate_and_widen_with_confidence(
    counts: tuple[int, int], confidence: float, more: float
) -> None:
    failures, samples = counts
    bounds, wider = share_bounds(*counts, confidence), share_bounds(*counts, confidence + more)
    assert 0 <= wider.low <= bounds.low <= bounds.high <= wider.high <= 1
    if samples:
        assert bounds.low <= failures / samples <= bounds.high
    else:
        assert (bounds.low, bounds.high) == (0, 1)


@given(counts=COUNTS)
def test_a_share_is_bounded_as_the_share_that_passes(counts: tuple[int, int]) -> None:
    failures, samples = counts
    assert share_lower_bound(failures, samples, 0.9) == 1 - share_upper_bound(samples - failures, samples, 0.9)


@pytest.mark.parametrize("mean", [0.05, 0.5])
@pytest.mark.parametrize("kind", ["zero or one", "beta"])
def test_mean_bounds_hold_at_all_the_times_they_are_read(mean: float, kind: str) -> None:
    random, experiments, held = np.random.default_rng(11), 300, 0
    for _ in range(experiments):
        values = (random.random(300) < mean) * 1.0 if kind == "zero or one" else random.beta(mean, 1 - mean, 300)
        bounds = (mean_bounds(values[:n], 0, 1, CONFIDENCE) for n in (10, 30, 90, 270))
        held += all(at.low <= mean <= at.high for at in bounds)
    assert held / experiments >= CONFIDENCE - 4 * np.sqrt(CONFIDENCE * (1 - CONFIDENCE) / experiments)


def test_mean_bounds_close_in_on_the_mean() -> None:
    values = np.random.default_rng(3).beta(2, 18, 2000)
    widths = [at.high - at.low for at in (mean_bounds(values[:n], 0, 1, 0.95) for n in (50, 200, 800, 2000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.02


def test_mean_bounds_of_values_that_hardly_vary_are_far_narrower() -> None:
    random = np.random.default_rng(13)
    steady = mean_bounds(0.3 + 0.01 * random.random(500), 0, 1, 0.95)
    extreme = mean_bounds((random.random(500) < 0.3) * 1.0, 0, 1, 0.95)
    assert steady.high - steady.low < 0.12 * (extreme.high - extreme.low)


@settings(max_examples=50)
@given(values=UNIT_VALUES, confidence=st.floats(0.05, 0.99))
def test_mean_bounds_stay_in_range(values: npt.NDArray[np.float64], confidence: float) -> None:
    bounds = mean_bounds(values, 0, 1, confidence)
    assert 0 <= bounds.low <= bounds.high <= 1
    if not len(values):
        assert (bounds.low, bounds.high) == (0, 1)


@pytest.mark.parametrize("samples", [20, 200])
def test_mean_bounds_widen_with_confidence_and_hold_the_estimate(samples: int) -> None:
    values = np.random.default_rng(samples).random(samples)
    bounds = [mean_bounds(values, 0, 1, confidence) for confidence in (0.8, 0.9, 0.95, 0.99)]
    for narrower, wider in pairwise(bounds):
        assert wider.low < narrower.low < values.mean() < narrower.high < wider.high
    one_sided = mean_lower_bound(values, 0, 1, 0.9), mean_upper_bound(values, 0, 1, 0.9)
    assert one_sided == (bounds[0].low, bounds[0].high)


def test_mean_bounds_move_with_the_unit() -> None:
    values = np.random.default_rng(5).random(100)
    unit, other = mean_bounds(values, 0, 1, 0.95), mean_bounds(10 * values - 4, -4, 6, 0.95)
    assert other.low == pytest.approx(10 * unit.low - 4)
    assert other.high == pytest.approx(10 * unit.high - 4)


@pytest.mark.parametrize("value", [1.01, -0.01, np.nan])
def test_a_value_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"out of \[0, 1\]"):
        mean_bounds(np.array([0.5, value]), 0, 1, 0.95)


def test_what_is_no_confidence_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        share_upper_bound(0, 10, 1.0)
    with pytest.raises(ValueError, match="cannot be"):
        share_bounds(11, 10, 0.95)
    with pytest.raises(ValueError, match="lowest value"):
        mean_bounds(np.array([1.0]), 1, 1, 0.95)
