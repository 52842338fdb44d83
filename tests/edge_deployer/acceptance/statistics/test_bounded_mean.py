"""Tests of a mean: error rates hold for whatever values, and every decision is the first that can be made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edge_deployer.acceptance.statistics.betting import log_wealth_on_more
from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest, ranking_wins
from edge_deployer.acceptance.statistics.decision import Decision, Standing

RATE, DEVICES, CAP = 0.05, 400, 800
HIGHEST = RATE + 4 * np.sqrt(RATE * (1 - RATE) / DEVICES)


def drawn(random: np.random.Generator, mean: float, kind: str) -> npt.NDArray[np.float64]:
    if kind == "all or nothing":
        return (random.random(CAP) < mean).astype(np.float64)
    return random.beta(8 * mean, 8 * (1 - mean), CAP)


@pytest.mark.parametrize("kind", ["all or nothing", "beta"])
@pytest.mark.parametrize(("mean", "wrong", "right"), [(0.2, "reject", "accept"), (0.35, "accept", "reject")])
def test_a_ceiling_keeps_its_error_rates(kind: str, mean: float, wrong: str, right: str) -> None:
    random, test = np.random.default_rng(8), CeilingTest(0.2, 0.15, RATE, RATE, CAP)
    outcomes = [test.decide(drawn(random, mean, kind)) for _ in range(DEVICES)]
    assert np.mean([outcome.decision is Decision(wrong) for outcome in outcomes]) <= HIGHEST
    assert np.mean([outcome.decision is Decision(right) for outcome in outcomes]) >= 0.9
    assert np.mean([outcome.samples for outcome in outcomes]) < 120


@pytest.mark.parametrize("separation", [0.0, 1.5])
def test_a_floor_of_the_auc_keeps_its_error_rates(separation: float) -> None:
    random, test = np.random.default_rng(9), CeilingTest(0.15, 0.2, RATE, RATE, CAP)
    labels = np.arange(CAP) % 4 == 0
    wins = [ranking_wins(labels, random.normal(size=CAP) + separation * labels) for _ in range(DEVICES)]
    decisions = [test.decide(1 - values).decision for values in wins]
    # Two normal distributions so far apart have an AUC of 0.856.
    wrong = Decision.ACCEPT if separation == 0 else Decision.REJECT
    assert np.mean([decision is wrong for decision in decisions]) <= HIGHEST


def test_a_wealth_that_is_bet_on_the_truth_is_no_more_than_its_stake_on_average() -> None:
    values = (np.random.default_rng(1).random((4000, 40)) < 0.3).astype(np.float64)
    wealth = np.exp([log_wealth_on_more(row, 0.3, 0.4)[-1] for row in values])
    assert abs(wealth.mean() - 1) <= 4 * wealth.std() / np.sqrt(len(wealth))


def test_a_bet_does_not_know_the_value_it_is_made_on() -> None:
    values = np.random.default_rng(6).random(50)
    other = values.copy()
    other[30:] = 1 - other[30:]
    assert np.array_equal(log_wealth_on_more(values, 0.4, 0.5)[:30], log_wealth_on_more(other, 0.4, 0.5)[:30])


def test_errors_are_in_the_units_of_their_bound() -> None:
    values = np.random.default_rng(0).random(CAP)
    unit = CeilingTest(0.6, 0.1, RATE, RATE, CAP).decide(values)
    assert CeilingTest(4.8, 0.8, RATE, RATE, CAP, 0.0, 8.0).decide(8 * values) == unit


def test_the_cap_ends_a_test_of_a_mean_without_a_guess() -> None:
    undecidable = np.tile([0.0, 1.0, 0.0, 0.0], 13)
    assert CeilingTest(0.2, 0.1, RATE, RATE, 50).decide(undecidable[:49]) == Standing(None, 49)
    assert CeilingTest(0.2, 0.1, RATE, RATE, 10).decide(undecidable) == Standing(Decision.UNDECIDED, 10)


def test_values_after_the_decision_do_not_count() -> None:
    test = CeilingTest(0.2, 0.1, RATE, RATE, 500)
    outcome = test.decide(np.zeros(500))
    assert outcome.decision is Decision.ACCEPT
    turned = np.ones(500)
    turned[: outcome.samples] = 0
    assert test.decide(turned) == outcome
    assert test.decide(turned[: outcome.samples - 1]).decision is None


def test_ranking_wins_pair_each_anomaly_with_one_normal_sample() -> None:
    labels = np.array([True, False, False, True, False, True])
    scores = np.array([0.9, 0.1, 0.5, 0.5, 0.3, 0.2])
    assert ranking_wins(labels, scores).tolist() == [1.0, 0.5, 0.0]
    assert ranking_wins(labels[:4], scores[:4]).tolist() == [1.0, 0.5]
    assert ranking_wins(labels[1:3], scores[1:3]).tolist() == []


def test_numbers_that_make_no_test_of_a_mean_are_refused() -> None:
    with pytest.raises(ValueError, match=r"within \(0, 1\)"):
        CeilingTest(0.9, 0.2, RATE, RATE, CAP)
    with pytest.raises(ValueError, match=r"limit 0\.2 and tolerated -0\.1"):
        CeilingTest(0.2, -0.1, RATE, RATE, CAP)
    with pytest.raises(ValueError, match=r"1\.5 is out of \[0, 1\]"):
        CeilingTest(0.2, 0.1, RATE, RATE, CAP).decide(np.array([1.5]))
    with pytest.raises(ValueError, match="cap"):
        CeilingTest(0.2, 0.1, RATE, RATE, 0)
    with pytest.raises(ValueError, match="2 labels for 1 scores"):
        ranking_wins(np.ones(2, np.bool_), np.ones(1))
    with pytest.raises(ValueError, match="not a number"):
        ranking_wins(np.ones(1, np.bool_), np.array([np.nan]))
