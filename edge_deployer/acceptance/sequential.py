"""What sequential checks have in common: the test of a share, what it needs, and how a decision becomes a result.

Each check holds its own error rates, the plan's alpha and beta. Bounds are from confidence sequences, which hold
wherever a test stopped; an estimate at the point where a sequential test stopped would be biased.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from math import asin, pi, sin, sqrt
from statistics import NormalDist
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray
from edge_deployer.acceptance.check import Case, CheckResult, SequentialCheck
from edge_deployer.acceptance.plan import MOST_SAMPLES, AcceptancePlan, Proportion
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.bernoulli import BernoulliTest, design_test, smallest_cap
from edge_deployer.acceptance.statistics.confidence_sequence import share_upper_bound
from edge_deployer.acceptance.statistics.decision import Decision, Standing
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Finding, kind

_MOST_COUNTED = 200_000
"""More samples than a plan may have: what needs as many is not counted any further."""
_FIX = "give more held-out samples, raise `samples`, alpha or beta, or widen the check"
NO_FLOOR = "give more held-out samples, set a floor in the acceptance plan, or `better_than_constant: false`"
"""The remedy where it is the floor that no plan has set which cannot be tested."""

_ROOM = 1.5
"""A sequential test may take more samples than one of fixed size: the margin is wider than that needs by this."""
_FINEST = 200
"""More samples than this make no finer margin: a design takes seconds where it is thin."""
_LEFT_WRONG = 0.1
"""The highest floor leaves this share of what a constant answer has wrong."""


class Section(BaseModel):
    """What the sections of sequential checks have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Disagreement(Section):
    """A share of samples on which a board may differ, and one that is too much."""

    tolerated: Proportion = Field(default=0.01, description="a board of this share is refused with probability alpha")
    bad: Proportion = Field(default=0.05, description="a board of this share is accepted with probability beta")

    @model_validator(mode="after")
    def _ordered(self) -> Disagreement:
        if self.tolerated >= self.bad:
            raise ValueError(f"tolerated {self.tolerated:g} must be below bad {self.bad:g}")
        _require_distance(self.tolerated, self.bad)
        return self


class Floor(Section):
    """The least that a figure must reach. One that misses it by `margin` is accepted with probability beta."""

    floor: Proportion
    margin: Proportion = 0.1

    @model_validator(mode="after")
    def _leaves_room(self) -> Floor:
        if self.margin >= self.floor:
            raise ValueError(f"margin {self.margin:g} must be below the floor {self.floor:g}")
        _require_distance(*self.missed)
        return self

    @property
    def missed(self) -> tuple[float, float]:
        """What is left to 1 of a figure that just reaches it, and of one that misses it by the margin."""
        return 1 - self.floor, 1 - self.floor + self.margin


def _require_distance(tolerated: float, bad: float) -> None:
    """Refuse two shares that no acceptance set tells apart.

    By the normal approximation a test of fixed size at alpha = beta = 0.05 takes ``(2 * 1.645)^2 p (1 - p) / d^2``
    samples, p the mean of the shares and d their distance.
    """
    middle, distance = (tolerated + bad) / 2, bad - tolerated
    samples = (2 * 1.645) ** 2 * middle * (1 - middle) / distance**2
    if samples > MOST_SAMPLES:
        raise ValueError(
            f"shares of {tolerated:g} and {bad:g} take about {samples:,.0f} samples to tell apart, more than the "
            f"{MOST_SAMPLES:,} that a plan may have"
        )


class DisagreementCheck(SequentialCheck):
    """A check of the share of samples that speak against a board: `samples_against` says which do."""

    counts: ClassVar[str]  # What such samples are, in a chart's few words.
    found: ClassVar[Callable[..., Finding]]  # How many there are; made by `counted`.
    section: ClassVar[type[Disagreement]]
    asks = (
        "{% if section is none %}nothing is asked{% else %}{{ section.tolerated | percent }} of samples is tolerated, "
        "{{ section.bad | percent }} is bad{% endif %}"
    )
    unit = "share"

    @abstractmethod
    def samples_against(self, case: Case) -> BoolArray:
        """Whether each of the answers so far speaks against the board, bool (n,)."""

    def finding(self, case: Case, taken: BoolArray, decision: Decision | None) -> Finding:  # noqa: ARG002
        """What the samples say that the test has taken: whether each speaks against the board, and what follows."""
        return self.found(differing=int(taken.sum()), samples=len(taken))

    def why_skipped(self, reference: Reference) -> Finding | None:
        """Why nothing can be said by this reference; None where something can."""
        return NoReference() if reference.outputs is None else None

    def shares(self, plan: AcceptancePlan) -> Disagreement:
        """What the plan tolerates, and what it calls bad."""
        section = plan.section(self.section)
        assert section is not None, "the plan asks for it"
        return section

    def test(self, plan: AcceptancePlan, samples: int) -> BernoulliTest:
        """The test of the share, with so many samples at most.

        Raises:
            TooFewSamplesError: they are too few for it.
        """
        shares = self.shares(plan)
        return design_test(shares.tolerated, shares.bad, plan.alpha, plan.beta, samples)

    @override
    def judge(self, case: Case) -> CheckResult | None:
        if not self.is_asked(case.plan):
            return None
        skipped = self.why_skipped(case.reference)
        if skipped is not None:
            return self.result(case, "skipped", skipped)
        test, failed = self.test(case.plan, len(case.reference)), self.samples_against(case)
        outcome = test.decide_in_order(failed)
        taken = failed[: outcome.samples]
        differing = int(taken.sum())
        return self.decided(
            case,
            outcome,
            self.finding(case, taken, outcome.decision),
            measured=differing / len(taken),
            limit=test.tolerated,
            high=share_upper_bound(differing, len(taken), case.plan.confidence),
            fixed_samples=test.fixed_samples,
            differing=taken.nonzero()[0],
        )

    @override
    def samples_needed(self, plan: AcceptancePlan, *, labelled: bool, computed: bool) -> int | None:
        if not computed or not self.is_asked(plan):
            return None
        shares = self.shares(plan)
        return smallest_cap(shares.tolerated, shares.bad, plan.alpha, plan.beta)


class FloorCheck(SequentialCheck):
    """A check of a figure that must reach a floor: the plan's, or else what a constant answer does not reach."""

    asks = (
        "{% if section is not none %}at least {{ section.floor | percent }}; "
        "{{ (section.floor - section.margin) | percent }} is bad{% elif plan.better_than_constant %}"
        "better than a constant answer, where it is the task's{% else %}no floor is set{% endif %}"
    )
    at_least = True
    section: ClassVar[type[Floor]]

    @abstractmethod
    def of_constant(self, reference: Reference) -> tuple[float, int] | None:
        """The figure of a constant answer, and how many samples can tell from it; None where it cannot be beaten."""

    def floor(self, plan: AcceptancePlan, reference: Reference) -> Floor | None:
        """What the figure must reach on a board; None where nothing is asked of it, or nothing can be."""
        written = plan.section(self.section)
        if written is not None or not plan.better_than_constant or reference.metric != self.metric:
            return written
        constant = self.of_constant(reference)
        return None if constant is None else above_constant(*constant, plan)

    @override
    def judges_quality(self, plan: AcceptancePlan, reference: Reference) -> bool:
        return self.floor(plan, reference) is not None

    def constant(self, floor: Floor, plan: AcceptancePlan) -> float | None:
        """What a constant answer reaches, where the floor rests on that; None where the plan sets it."""
        return None if self.is_asked(plan) else floor.floor - floor.margin


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


NoReference = kind("no_reference", "the release has no reference of TFLM's")


def counted(code: str, words: str) -> Callable[..., Finding]:
    """A kind of finding with the figures ``differing`` and ``samples``."""
    return kind(code, words, {"differing": int, "samples": int})


def fewest(decide: Callable[[int], Standing]) -> int:
    """The fewest observations with which a faultless board is accepted; a number that no plan has where it is more."""
    outcome = decide(_MOST_COUNTED)
    return outcome.samples if outcome.decision is Decision.ACCEPT else _MOST_COUNTED


def require_as_many(check: str, needed: int, has: int, what: str = "samples", remedy: str = _FIX) -> None:
    """See that a check has what it needs.

    Raises:
        TinyopsError: it has not; the message has the number that is missing.
    """
    if has < needed:
        raise TinyopsError(
            f"acceptance plan: `{check}` at these error rates needs up to {needed:,} {what}; the acceptance set has "
            f"{has:,}, {needed - has:,} missing",
            remedy=remedy,
        )
