"""From checks to a verdict on one board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from edge_deployer.acceptance.check import Case, all_checks
from edge_deployer.acceptance.check_result import CheckResult
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.reference import Reference
from edge_deployer.finding import AnyFinding, Finding

Decided = Literal["accepted", "refused", "undecided"]


class AccuracyBound(BaseModel):
    """The least accuracy on the device, over all held-out samples.

    A sample that TFLM names right and the device does not is one on which they differ. So the device's accuracy is at
    least TFLM's less the share on which they differ, and an upper bound of that share bounds it from below.

    Attributes:
        low: the bound, 0 to 1.
        confidence: probability that it holds.
        host_accuracy: TFLM's accuracy over all held-out samples.
        host_samples: number of those, where known.
        disagreement: upper bound of the share on which the device names another class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float
    confidence: float
    host_accuracy: float
    host_samples: int | None
    disagreement: float


class Why(Finding):
    """What a board's verdict rests on.

    Attributes:
        decision: the verdict's.
        failure: what ended the examination, where something did.
        checks: those that decided; of an acceptance those that warn.
    """

    code: str = "board_verdict"
    decision: Decided
    failure: AnyFinding | None
    checks: tuple[CheckResult, ...]
    words: ClassVar[str] = (
        "{% if failure %}{{ failure | words }}{% elif not checks %}all checks passed{% else %}"
        "{{ 'accepted with a warning: ' if decision == 'accepted' }}{{ checks | explained }}{% endif %}"
    )


class BoardVerdict(BaseModel):
    """What one board's evidence says of the release.

    Attributes:
        board: its name in the inventory.
        decision: undecided where a check came to the end of the samples without a decision.
        checks: each check's result; empty where the board could not be examined, which its evidence says.
        device_accuracy: None where labels or the reference are missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    board: str
    decision: Decided
    checks: tuple[CheckResult, ...] = ()
    device_accuracy: AccuracyBound | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_sentence(cls, content: Any) -> Any:
        """Earlier records had a `reason`, the words of checks or failure put together."""
        return {k: v for k, v in content.items() if k != "reason"} if isinstance(content, dict) else content

    @property
    def accepted(self) -> bool:
        """Whether the board accepts the release."""
        return self.decision == "accepted"

    def why(self, evidence: BoardEvidence | None) -> Why:
        """What the decision rests on; the evidence is that which was judged."""
        failure = evidence.failure if evidence else None
        decisive = {"refused": "refuses", "undecided": "leaves_open", "accepted": "is_warning"}[self.decision]
        checks = tuple(check for check in self.checks if getattr(check, decisive))
        return Why(decision=self.decision, failure=failure.reason if failure else None, checks=checks)


def judge_board(case: Case) -> BoardVerdict:
    """Judge one board. A production board runs its golden vectors only: staging has measured the rest."""
    board = case.evidence.board
    if case.evidence.failure:
        return BoardVerdict(board=board, decision="refused")
    results = _results(case)
    return BoardVerdict(
        board=board,
        decision=_decide(results),
        checks=tuple(results),
        device_accuracy=_device_accuracy(results, case.reference),
    )


def _results(case: Case) -> list[CheckResult]:
    """Every check's; a board that fails the smoke test is judged by nothing else."""
    results: list[CheckResult] = []
    for check in all_checks():
        result = check.judge(case) if case.pool in check.pools else None
        if result is not None:
            results.append(result)
            if result.refuses and not check.may_warn:
                break
    return results


def _decide(results: Sequence[CheckResult]) -> Decided:
    if any(result.refuses for result in results):
        return "refused"
    return "undecided" if any(result.leaves_open for result in results) else "accepted"


def _device_accuracy(results: Sequence[CheckResult], reference: Reference) -> AccuracyBound | None:
    labels = next((result for result in results if result.name == "labels" and result.bound), None)
    if labels is None or labels.bound is None or labels.bound.high is None:
        return None
    if reference.metric != "accuracy" or reference.host_figure is None:
        return None
    return AccuracyBound(
        low=max(0.0, reference.host_figure - labels.bound.high),
        confidence=labels.bound.confidence,
        host_accuracy=reference.host_figure,
        host_samples=reference.host_samples,
        disagreement=labels.bound.high,
    )
