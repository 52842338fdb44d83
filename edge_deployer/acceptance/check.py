"""The frame of a check: what it is given, what it may be asked, and what it says of one board."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import Declaration, Evidence, declared
from edge_deployer.acceptance.statistics.decision import Decision, Standing
from edge_deployer.finding import AnyFinding, Finding
from edge_deployer.inventory.inventory import Pool
from edge_deployer.tensors import Array

_SHOWN = 16
"""Samples that a result names."""

Status = Literal["passed", "failed", "undecided", "skipped"]


class Bound(BaseModel):
    """A one-sided bound from a confidence sequence: it holds wherever the examination happened to stop.

    Attributes:
        low: the true figure is at least this; None where the bound is an upper one.
        high: the true figure is at most this; None where the bound is a lower one.
        confidence: probability that the bound holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float | None = None
    high: float | None = None
    confidence: float


class CheckResult(BaseModel):
    """One check on one board.

    Attributes:
        name: the check.
        status: an undecided check is no verdict; a skipped one neither passes nor fails; `finding` says why.
        finding: what was found; ``detail``, in words, in earlier records.
        measured: the figure that was judged, or None.
        limit: what it was judged against, or None.
        bound: what can be said of the true figure.
        samples: samples that a sequential test took.
        fixed_samples: what a test of fixed size takes for the same error rates.
        used_up: samples of the acceptance set, where all of them were too few for a decision.
        differing: indices of the first samples that spoke against the board.
        only_warns: whether a failure refuses nothing.
        doubtful: whether something speaks against it though it passed: the finding is then told as a warning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str
    status: Status
    finding: AnyFinding = Field(validation_alias=AliasChoices("finding", "detail"))
    measured: float | None = None
    limit: float | None = None
    bound: Bound | None = None
    samples: int | None = None
    fixed_samples: int | None = None
    used_up: int | None = None
    differing: tuple[int, ...] = ()
    only_warns: bool = False
    doubtful: bool = False

    @property
    def refuses(self) -> bool:
        """Whether it failed and that counts."""
        return self.status == "failed" and not self.only_warns

    @property
    def is_warning(self) -> bool:
        """Whether it refuses nothing, but is to be told."""
        return (self.status == "failed" and self.only_warns) or (self.status == "passed" and self.doubtful)

    @property
    def leaves_open(self) -> bool:
        """Whether it came to no decision and that counts."""
        return self.status == "undecided" and not self.only_warns


@dataclass(frozen=True)
class Subject:
    """What is examined."""

    image_hash: str  # Hex hash of the release's image.
    image_bytes: int  # Its size.
    # Smallest arena in which the model loads and runs on the host; None where nobody looked for it.
    arena_bytes: int | None = None


@dataclass(frozen=True)
class Case:
    """One board's evidence, and what it is judged by."""

    evidence: BoardEvidence  # What the board answered.
    reference: Reference  # What its answers are held against.
    plan: AcceptancePlan  # Thresholds and error rates.
    subject: Subject | None = None  # The release that it should run; None while samples still come in.
    pool: Pool = "staging"  # Whose board it is.
    virtual: bool = False  # Whether it is a virtual one, which runs the host's own TFLM.
    # For a production board: the evidence of the staging boards that accepted the release.
    staging: Sequence[BoardEvidence] = ()

    @property
    def outputs(self) -> Array:
        """All answers so far, (n, ...), of a board that has given some."""
        assert self.evidence.answers is not None
        return self.evidence.answers.outputs.load()


class Check(Declaration, ABC):
    """One check: a class that is decorated with `registered`, in a module of `edge_deployer.acceptance.checks`.

    Everything is a pure function of its arguments.
    """

    @abstractmethod
    def judge(self, case: Case) -> CheckResult | None:
        """What the check says of a board; None where it does not apply."""

    def is_asked(self, plan: AcceptancePlan) -> bool:
        """Whether the plan wants it: it has a section for it, or the check needs none."""
        return self.section is None or plan.section(self.section) is not None

    def judges_quality(self, plan: AcceptancePlan, reference: Reference) -> bool:  # noqa: ARG002
        """Whether it says how good the answers are, beside whether they are TFLM's."""
        return False

    def samples_needed(self, plan: AcceptancePlan, *, labelled: bool, computed: bool) -> int | None:  # noqa: ARG002
        """Samples that it needs, whatever the plan allows; None where that is none, or depends on what is in them.

        Args:
            plan: the plan.
            labelled: whether the samples have labels that are classes.
            computed: whether they have TFLM's outputs.
        """
        return None

    def require(self, plan: AcceptancePlan, reference: Reference) -> None:
        """See that the check can come to a decision by what is in the samples, beside how many there are.

        Raises:
            TinyopsError: it cannot; the message has what is missing.
        """

    def result(
        self, case: Case, status: Status, finding: Finding, *, differing: Iterable[int] = (), **figures: Any
    ) -> CheckResult:
        """The check's result, with the fields of `CheckResult` that are given; of `differing` it names the first."""
        shown, warns = tuple(map(int, islice(differing, _SHOWN))), case.plan.only_warns(self.name)
        return CheckResult(name=self.name, status=status, finding=finding, differing=shown, only_warns=warns, **figures)


_STATUS: dict[Decision | None, Status] = {Decision.ACCEPT: "passed", Decision.REJECT: "failed"}


class SequentialCheck(Check):
    """A check that takes no more samples than it needs.

    Its decision is the first one in the order of the samples, so that answers which came in after it change nothing.
    """

    made_of = frozenset({"samples"})
    pools = frozenset({"staging"})

    def wants_more(self, case: Case, result: CheckResult) -> bool:  # noqa: ARG002
        """Whether the next sample can bring a decision."""
        return result.status == "undecided"

    def decided(
        self,
        case: Case,
        outcome: Standing,
        finding: Finding,
        *,
        low: float | None = None,
        high: float | None = None,
        **figures: Any,
    ) -> CheckResult:
        """The result of a test that stands so; `low` or `high` bounds the true figure at the plan's confidence."""
        taken = {
            "samples": outcome.samples,
            "used_up": len(case.reference) if outcome.decision is Decision.UNDECIDED else None,
            "bound": Bound(low=low, high=high, confidence=case.plan.confidence),
        }
        return self.result(case, _STATUS.get(outcome.decision, "undecided"), finding, **(taken | figures))


def all_checks() -> list[Check]:
    """All checks, by their place."""
    return [check for check in declared() if isinstance(check, Check)]


def asks_for(plan: AcceptancePlan, evidence: Evidence) -> bool:
    """Whether a check that the plan wants is made of this evidence."""
    return any(evidence in check.made_of and check.is_asked(plan) for check in all_checks())


def sequential_results(case: Case) -> list[CheckResult]:
    """What the sequential checks say of the answers so far; empty where there are none."""
    return [result for _, result in _sequential(case)]


def needs_more_samples(case: Case) -> bool:
    """Whether the next sample can change a check: none refuses yet, and one is open.

    All golden vectors are run in any case: production is held to what staging answers, and of a board that is refused
    they tell how far off it is.
    """
    if case.evidence.answers is None or len(case.evidence.answers) < case.plan.golden_vectors:
        return True
    found = _sequential(case)
    refused = any(result.refuses for _, result in found)
    return not refused and any(check.wants_more(case, result) for check, result in found)


def _sequential(case: Case) -> list[tuple[SequentialCheck, CheckResult]]:
    if case.evidence.answers is None:
        return []
    checks = [check for check in all_checks() if isinstance(check, SequentialCheck)]
    return [(check, result) for check in checks if (result := check.judge(case)) is not None]
