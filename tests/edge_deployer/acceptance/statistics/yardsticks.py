"""What a sequential test of a share is measured by: what it does to devices, exactly, and what none can do better."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest, design_test
from edge_deployer.acceptance.statistics.decision import check_error_rates, check_shares
from edge_deployer.acceptance.statistics.stopping_time import Stretch, stretches
from edge_deployer.tensors import Array

_LARGE = 100_000


@dataclass(frozen=True)
class OperatingCharacteristic:
    """What a test does to devices of one share of failures."""

    accept: float
    reject: float
    undecided: float
    mean_samples: float


def hardly_capped(tolerated: float, bad: float, alpha: float, beta: float) -> BernoulliTest:
    """The test with a cap that next to none comes to."""
    return design_test(tolerated, bad, alpha, beta, _LARGE)


def characteristic(test: BernoulliTest, share: float) -> OperatingCharacteristic:
    """What the test does to devices of which each sample fails with probability `share`, by dynamic programming."""
    accept, going_on = 0.0, []
    for stretch in stretches(test.lines, share):
        if stretch.start > test.cap:
            break
        going_on.append(_going_on(stretch, share))
        accept += stretch.accepted if stretch.start + stretch.samples <= test.cap else 0.0
    # [n] is the probability that n samples do not suffice; the zeros are what `stretches` neglects.
    insufficient = np.append(np.concatenate(going_on), np.zeros(test.cap + 1))[: test.cap + 1]
    undecided = float(insufficient[test.cap])
    return OperatingCharacteristic(accept, 1 - accept - undecided, undecided, float(insufficient[: test.cap].sum()))


def _going_on(stretch: Stretch, share: float) -> Array:
    """The probability that the test goes on before the stretch and after each of its samples but the last."""
    drawn, failures = np.arange(stretch.samples)[:, None], np.arange(len(stretch.going_on))[None, :]
    # Binomial: each probability from the one before, C(n, k) = C(n, k-1) (n-k+1)/k.
    factors = np.where(failures > 0, (drawn - failures + 1) * share / np.maximum(failures, 1), 1.0)
    fails_so_often = np.cumprod(np.maximum(factors, 0.0), axis=1) * (1 - share) ** np.maximum(drawn - failures, 0)
    probability: Array = np.cumsum(fails_so_often, axis=1)[:, ::-1] @ stretch.going_on
    return probability


def wald_bound(tolerated: float, bad: float, alpha: float, beta: float) -> tuple[float, float]:
    """The mean samples at the tolerated and at the bad share that no sequential test of these error rates beats.

    Source: Wald 1945; Hoeffding 1953: ``E0[N] >= (alpha log(alpha / (1-beta)) + (1-alpha) log((1-alpha) / beta)) /
    KL(p0 | p1)``, and the same with the roles changed. A test comes the closer the less it overshoots its lines.

    Raises:
        ValueError: shares or error rates that make no test.
    """
    check_shares(tolerated, bad)
    check_error_rates(alpha, beta)
    at_tolerated = _divergence(alpha, 1 - beta) / _divergence(tolerated, bad)
    at_bad = _divergence(beta, 1 - alpha) / _divergence(bad, tolerated)
    return at_tolerated, at_bad


def _divergence(one: float, other: float) -> float:
    """Kullback-Leibler divergence of two Bernoulli distributions, in nats."""
    return one * log(one / other) + (1 - one) * log((1 - one) / (1 - other))
