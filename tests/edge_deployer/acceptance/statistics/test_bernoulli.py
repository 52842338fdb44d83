"""The sequential test of failures: its stated figures are exact, and they reach what they were made for."""

from __future__ import annotations

import time
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_deployer.acceptance.statistics.bernoulli import (
    UNDECIDED_WITHIN_CAP,
    BernoulliTest,
    design_test,
    smallest_cap,
)
from edge_deployer.acceptance.statistics.decision import Decision, Standing, TooFewSamplesError
from edge_deployer.acceptance.statistics.fixed_size import fixed_size_test
from edge_deployer.acceptance.statistics.lines import UNIT, Lines
from tests.edge_deployer.acceptance.statistics.yardsticks import characteristic, hardly_capped, wald_bound

DESIGNS = [
    (tolerated, times * tolerated, alpha, beta)
    for tolerated in (0.001, 0.01, 0.04)
    for times in (2.0, 5.0, 12.0)
    for alpha, beta in ((0.05, 0.05), (0.01, 0.1), (0.1, 0.01))
]

LINES = st.builds(
    Lines,
    slope=st.integers(UNIT // 200, UNIT // 2),
    accept=st.integers(1, 4 * UNIT),
    reject=st.integers(1, 4 * UNIT),
)


def followed_sample_by_sample(test: BernoulliTest, share: float) -> tuple[float, float, float, float]:
    going_on, accept, reject, mean = {0: 1.0}, 0.0, 0.0, 0.0
    for sample in range(1, test.cap + 1):
        mean += sum(going_on.values())
        after: dict[int, float] = {}
        for failures, probability in going_on.items():
            after[failures] = after.get(failures, 0.0) + probability * (1 - share)
            after[failures + 1] = after.get(failures + 1, 0.0) + probability * share
        going_on = {}
        for failures, probability in after.items():
            decision = test.decide(failures, sample)
            accept += probability if decision is Decision.ACCEPT else 0.0
            reject += probability if decision is Decision.REJECT else 0.0
            if decision is None:
                going_on[failures] = probability
    return accept, reject, 1 - accept - reject, mean


def test_one_against_five_percent_takes_the_samples_it_promises() -> None:
    design = hardly_capped(0.01, 0.05, 0.05, 0.05)
    fixed, _ = fixed_size_test(0.01, 0.05, 0.05, 0.05)
    good, bad = characteristic(design, 0.01), characteristic(design, 0.05)
    assert good.mean_samples <= 0.65 * fixed
    assert bad.mean_samples <= 0.40 * fixed
    assert good.mean_samples <= 1000 / 9
    assert bad.mean_samples <= 1000 / 15


@pytest.mark.parametrize("design", DESIGNS)
def test_error_rates_hold_exactly(design: tuple[float, float, float, float]) -> None:
    tolerated, bad, alpha, beta = design
    test = hardly_capped(*design)
    assert characteristic(test, tolerated).reject <= alpha
    assert characteristic(test, bad).accept <= beta


@pytest.mark.parametrize("design", [design for design in DESIGNS if fixed_size_test(*design)[0] >= 100])
def test_means_come_within_a_tenth_of_walds_bound_unless_the_test_is_very_small(
    design: tuple[float, float, float, float],
) -> None:
    tolerated, bad, _, _ = design
    test = hardly_capped(*design)
    at_tolerated, at_bad = wald_bound(*design)
    assert characteristic(test, tolerated).mean_samples <= 1.10 * at_tolerated
    assert characteristic(test, bad).mean_samples <= 1.10 * at_bad


@pytest.mark.parametrize("design", DESIGNS)
def test_no_narrower_line_holds(design: tuple[float, float, float, float]) -> None:
    tolerated, bad, alpha, beta = design
    test = hardly_capped(*design)
    step = UNIT // 1000
    if test.lines.reject > step:
        narrower = replace(test, lines=replace(test.lines, reject=test.lines.reject - step))
        assert characteristic(narrower, tolerated).reject > alpha
    if test.lines.accept > step:
        narrower = replace(test, lines=replace(test.lines, accept=test.lines.accept - step))
        assert characteristic(narrower, bad).accept > beta


def test_calibration_saves_what_wald_overshoots() -> None:
    calibrated = hardly_capped(0.01, 0.05, 0.05, 0.05)
    # Wald's own lines, of 1945: log((1-alpha)/beta) and log((1-beta)/alpha), in failures of the weight of one.
    intercept = round(log(0.95 / 0.05) / (log(0.05 / 0.01) + log(0.99 / 0.95)) * UNIT)
    wald = replace(calibrated, lines=replace(calibrated.lines, accept=intercept, reject=intercept))
    assert characteristic(wald, 0.01).reject < 0.6 * 0.05
    saved = characteristic(calibrated, 0.05).mean_samples / characteristic(wald, 0.05).mean_samples
    assert saved < 0.85


@settings(max_examples=60)
@given(lines=LINES, share=st.floats(0, 1), cap=st.integers(1, 80))
def test_the_operating_characteristic_is_what_following_each_sample_gives(lines: Lines, share: float, cap: int) -> None:
    test = BernoulliTest(0.01, 0.05, 0.05, 0.05, cap, lines)
    exact = characteristic(test, share)
    given = (exact.accept, exact.reject, exact.undecided, exact.mean_samples)
    assert given == pytest.approx(followed_sample_by_sample(test, share), abs=1e-9)


@pytest.mark.parametrize("share", [0.01, 0.025, 0.05])
def test_simulated_devices_meet_the_operating_characteristic(share: float) -> None:
    test = design_test(0.01, 0.05, 0.05, 0.05, cap=300)
    random, devices = np.random.default_rng(4), 1500
    outcomes = [test.decide_in_order(random.random(test.cap) < share) for _ in range(devices)]
    exact = characteristic(test, share)
    for decision, probability in (
        (Decision.ACCEPT, exact.accept),
        (Decision.REJECT, exact.reject),
        (Decision.UNDECIDED, exact.undecided),
    ):
        seen = np.mean([outcome.decision is decision for outcome in outcomes])
        assert abs(seen - probability) <= 4 * np.sqrt(probability * (1 - probability) / devices)
    taken = np.array([outcome.samples for outcome in outcomes])
    assert abs(taken.mean() - exact.mean_samples) <= 4 * taken.std() / np.sqrt(devices)


@given(lines=LINES, samples=st.integers(1, 300), data=st.data())
def test_more_failures_never_help(lines: Lines, samples: int, data: st.DataObject) -> None:
    test = BernoulliTest(0.01, 0.05, 0.05, 0.05, 1000, lines)
    failures = data.draw(st.integers(0, samples - 1))
    ranks = {Decision.ACCEPT: 0, None: 1, Decision.UNDECIDED: 1, Decision.REJECT: 2}
    assert ranks[test.decide(failures, samples)] <= ranks[test.decide(failures + 1, samples)]


def test_the_cap_ends_a_test_without_a_guess() -> None:
    test = design_test(0.01, 0.05, 0.05, 0.05, cap=200)
    between = next(failures for failures in range(201) if not test.lines.accepts(failures, 200))
    assert not test.lines.rejects(between, 200)
    assert test.decide(between, 200) is Decision.UNDECIDED
    assert design_test(0.01, 0.05, 0.05, 0.05, cap=201).decide(between, 200) is None


def test_a_cap_only_cuts_the_test_off() -> None:
    assert design_test(0.01, 0.05, 0.05, 0.05, cap=200).lines == hardly_capped(0.01, 0.05, 0.05, 0.05).lines


def test_a_cap_that_decides_too_few_is_refused_with_the_one_that_is_needed() -> None:
    with pytest.raises(TooFewSamplesError, match="needs up to 192 samples, and its cap is 60"):
        design_test(0.01, 0.05, 0.05, 0.05, cap=60)
    needed = smallest_cap(0.01, 0.05, 0.05, 0.05)
    assert needed == 192
    test = design_test(0.01, 0.05, 0.05, 0.05, cap=needed)
    for share in (0.01, 0.05):
        assert characteristic(test, share).undecided <= UNDECIDED_WITHIN_CAP
    with pytest.raises(TooFewSamplesError):
        design_test(0.01, 0.05, 0.05, 0.05, cap=needed - 1)


def test_what_comes_after_a_decision_does_not_count() -> None:
    test = hardly_capped(0.01, 0.05, 0.05, 0.05)
    failed = np.zeros(test.cap + 50, np.bool_)
    failed[72:] = True
    assert test.decide_in_order(failed) == Standing(Decision.ACCEPT, 72)
    assert test.decide_in_order(failed[:71]) == Standing(None, 71)
    assert test.decide_in_order(~failed) == Standing(Decision.REJECT, 2)


def test_a_design_takes_no_time() -> None:
    design_test.cache_clear()
    started = time.process_time()
    hardly_capped(0.01, 0.05, 0.05, 0.05)
    assert time.process_time() - started < 0.3


@pytest.mark.parametrize(
    ("numbers", "problem"),
    [
        ((0.0, 0.05, 0.05, 0.05, 200), "tolerated 0"),
        ((0.05, 0.05, 0.05, 0.05, 200), "tolerated 0.05 and bad 0.05"),
        ((0.05, 1.0, 0.05, 0.05, 200), "bad 1"),
        ((0.01, 0.05, 0.0, 0.05, 200), "alpha must be above 0"),
        ((0.01, 0.05, 0.05, 0.5, 200), "beta must be above 0 and under 0.5"),
        ((0.01, 0.05, 0.05, 0.05, 0), "cap must be 1 sample"),
    ],
)
def test_numbers_that_make_no_test_are_refused(numbers: tuple[float, ...], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        design_test(*numbers)  # type: ignore[arg-type]


@pytest.mark.parametrize(("failures", "samples"), [(-1, 5), (6, 5), (0, 1_000_000)])
def test_counts_that_cannot_be_are_refused(failures: int, samples: int) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        hardly_capped(0.01, 0.05, 0.05, 0.05).decide(failures, samples)
