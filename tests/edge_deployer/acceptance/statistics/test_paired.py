"""The paired test keeps its error rates whatever the share of discordant pairs, which it does not know."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from edge_deployer.acceptance.statistics.decision import Decision, Standing
from edge_deployer.acceptance.statistics.paired import PairedTest

MARGIN, RATE, DEVICES, CAP = 0.1, 0.05, 500, 1500
DISCORDANT = [0.1, 0.15, 0.3, 0.6]

Answers = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def answers(random: np.random.Generator, discordant: float, loss: float) -> Answers:
    """Both releases' right answers, where production alone is right more often by `loss`."""
    drawn = random.random(CAP)
    production_alone = drawn < (discordant + loss) / 2
    candidate_alone = ~production_alone & (drawn < discordant)
    both = random.random(CAP) < 0.9
    return (both & ~production_alone) | candidate_alone, (both & ~candidate_alone) | production_alone


def judged(discordant: float, loss: float) -> tuple[dict[Decision | None, float], float]:
    random, test = np.random.default_rng(int(1000 * discordant) + 1), PairedTest(MARGIN, RATE, RATE, CAP)
    outcomes = [test.decide(*answers(random, discordant, loss)) for _ in range(DEVICES)]
    shares = {decision: sum(o.decision is decision for o in outcomes) / DEVICES for decision in Decision}
    return dict(shares), float(np.mean([outcome.samples for outcome in outcomes]))


HIGHEST = RATE + 4 * np.sqrt(RATE * (1 - RATE) / DEVICES)


@pytest.mark.parametrize("discordant", [0.0, 0.03, *DISCORDANT])
def test_a_candidate_as_good_as_production_is_hardly_ever_rejected(discordant: float) -> None:
    shares, mean = judged(discordant, 0.0)
    assert shares[Decision.REJECT] <= HIGHEST
    assert shares[Decision.ACCEPT] >= 0.9
    assert mean <= 1.5 * (4 / MARGIN + 5.3 * discordant / MARGIN**2)


@pytest.mark.parametrize("discordant", DISCORDANT)
def test_a_candidate_worse_by_the_margin_is_hardly_ever_accepted(discordant: float) -> None:
    shares, mean = judged(discordant, MARGIN)
    assert shares[Decision.ACCEPT] <= HIGHEST
    assert shares[Decision.REJECT] >= 0.9
    assert mean <= 1.5 * (4 / MARGIN + 5.3 * discordant / MARGIN**2)


def test_a_candidate_that_never_differs_is_accepted_with_the_fewest_samples() -> None:
    right = np.ones(200, np.bool_)
    outcome = PairedTest(0.05, 0.05, 0.05, 200).decide(right, right)
    assert outcome.decision is Decision.ACCEPT
    assert 59 <= outcome.samples <= 90


def test_the_cap_ends_a_paired_test_without_a_guess() -> None:
    right = np.ones(50, np.bool_)
    assert PairedTest(0.05, 0.05, 0.05, 50).decide(right, right) == Standing(Decision.UNDECIDED, 50)
    assert PairedTest(0.05, 0.05, 0.05, 51).decide(right, right) == Standing(None, 50)


def test_samples_that_both_get_wrong_count_as_those_that_both_get_right() -> None:
    random = np.random.default_rng(2)
    right = random.random(300) < 0.5
    test = PairedTest(0.05, 0.05, 0.05, 300)
    assert test.decide(right, right) == test.decide(~right, ~right)


def test_swapping_the_releases_turns_a_gain_into_a_loss() -> None:
    right, wrong = np.ones(60, np.bool_), np.zeros(60, np.bool_)
    test = PairedTest(0.05, 0.05, 0.05, 60)
    assert test.decide(right, wrong).decision is Decision.ACCEPT
    assert test.decide(wrong, right).decision is Decision.REJECT


def test_what_makes_no_paired_test_is_refused() -> None:
    with pytest.raises(ValueError, match="margin must be above 0"):
        PairedTest(0.0, 0.05, 0.05, 100)
    with pytest.raises(ValueError, match="alpha"):
        PairedTest(0.05, 0.0, 0.05, 100)
    with pytest.raises(ValueError, match="3 answers of the candidate, 2 of production"):
        PairedTest(0.05, 0.05, 0.05, 100).decide(np.ones(3, np.bool_), np.ones(2, np.bool_))
