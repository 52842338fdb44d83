"""The yardsticks: the smallest fixed-size test is the smallest, and no test beats Wald's bound."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.acceptance.statistics.fixed_size import binomial_cdf, fixed_size_test
from tests.edge_deployer.acceptance.statistics.yardsticks import characteristic, hardly_capped, wald_bound


def cdf(most: int, samples: int, share: float) -> float:
    return sum(comb(samples, k) * share**k * (1 - share) ** (samples - k) for k in range(most + 1))


def decides(samples: int, tolerated: float, bad: float, alpha: float, beta: float) -> bool:
    return any(
        1 - cdf(most, samples, tolerated) <= alpha and cdf(most, samples, bad) <= beta for most in range(samples)
    )


def test_one_against_five_percent_needs_181_samples() -> None:
    assert fixed_size_test(0.01, 0.05, 0.05, 0.05) == (181, 4)


@pytest.mark.parametrize("design", [(0.01, 0.2, 0.05, 0.05), (0.1, 0.3, 0.1, 0.02), (0.2, 0.8, 0.05, 0.05)])
def test_no_smaller_size_decides(design: tuple[float, float, float, float]) -> None:
    samples, most = fixed_size_test(*design)
    tolerated, bad, alpha, beta = design
    assert 1 - cdf(most, samples, tolerated) <= alpha
    assert cdf(most, samples, bad) <= beta
    assert not any(decides(fewer, *design) for fewer in range(1, samples))


@given(samples=st.integers(1, 300), share=st.floats(0.001, 0.999), data=st.data())
def test_binomial_probabilities_are_those_of_counting(samples: int, share: float, data: st.DataObject) -> None:
    most = data.draw(st.integers(0, samples))
    assert binomial_cdf(most, samples, share) == pytest.approx(cdf(most, samples, share), abs=1e-10)


@pytest.mark.parametrize("design", [(0.01, 0.05, 0.05, 0.05), (0.05, 0.2, 0.01, 0.1), (0.2, 0.8, 0.05, 0.05)])
def test_no_test_beats_the_bound_at_the_error_rates_it_has(design: tuple[float, float, float, float]) -> None:
    tolerated, bad, _, _ = design
    test = hardly_capped(*design)
    good, spoilt = characteristic(test, tolerated), characteristic(test, bad)
    at_tolerated, at_bad = wald_bound(tolerated, bad, good.reject, spoilt.accept)
    assert at_tolerated < 1.001 * good.mean_samples
    assert at_bad < 1.001 * spoilt.mean_samples
    assert at_tolerated > 0.7 * good.mean_samples
    assert at_bad > 0.7 * spoilt.mean_samples


def test_shares_that_make_no_test_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tolerated 0\.05 and bad 0\.01"):
        fixed_size_test(0.05, 0.01, 0.05, 0.05)
    with pytest.raises(ValueError, match="alpha"):
        wald_bound(0.01, 0.05, 0.7, 0.05)
