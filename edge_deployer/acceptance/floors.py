"""The floor of accuracy or AUC that no plan has set: what shows that a model is better than a constant answer.

Always answering the commonest class has that class's share as its accuracy (the no-information rate); a constant score
has an AUC of one half. It stands so far above that as the acceptance set can tell from it.
"""

from __future__ import annotations

from math import asin, pi, sin, sqrt
from statistics import NormalDist

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.sequential import Floor

_ROOM = 1.5
"""A sequential test may take more samples than one of fixed size: the margin is wider than that needs by this."""
_FINEST = 200
"""More samples than this make no finer margin: a design takes seconds where it is thin."""
_LEFT_WRONG = 0.1
"""The highest floor leaves this share of what a constant answer has wrong."""


def above_constant(constant: float, samples: int, plan: AcceptancePlan) -> Floor:
    """The floor that so many samples tell from a constant answer's figure, at the plan's error rates.

    By the arcsine approximation a test of fixed size tells shares p and q apart with
    ``((z(alpha) + z(beta)) / (2 asin(sqrt(q)) - 2 asin(sqrt(p))))^2`` samples (Cohen 1988).
    """
    normal = NormalDist()
    widths = normal.inv_cdf(1 - plan.alpha) + normal.inv_cdf(1 - plan.beta)
    angle = asin(sqrt(constant)) + _ROOM * widths / (2 * sqrt(min(samples, _FINEST)))
    floor = min(sin(min(angle, pi / 2)) ** 2, 1 - _LEFT_WRONG * (1 - constant))
    # Not checked as one that is written in a plan: feasibility says what it takes.
    return Floor.model_construct(floor=floor, margin=floor - constant)
