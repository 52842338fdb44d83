"""From checks to a verdict on one board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance import checks
from edge_deployer.acceptance.check_result import CheckResult
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.sequential_checks import sequential_checks

Pool = Literal["staging", "production"]
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


class BoardVerdict(BaseModel):
    """What one board's evidence says of the release.

    Attributes:
        board: its name in the inventory.
        decision: undecided where a check came to the end of the samples without a decision.
        reason: why, in one sentence.
        checks: each check's finding; empty where the board could not be examined.
        device_accuracy: None where labels or the reference are missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    board: str
    decision: Decided
    reason: str
    checks: tuple[CheckResult, ...] = ()
    device_accuracy: AccuracyBound | None = None

    @property
    def accepted(self) -> bool:
        """Whether the board accepts the release."""
        return self.decision == "accepted"


class Subject(BaseModel):
    """What is examined.

    Attributes:
        image_hash: hex hash of the release's image.
        image_bytes: its size.
        arena_bytes: smallest arena in which the model loads and runs on the host; None where nobody looked for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image_hash: str
    image_bytes: int
    arena_bytes: int | None = None


def judge_board(
    evidence: BoardEvidence,
    subject: Subject,
    reference: Reference,
    plan: AcceptancePlan,
    *,
    pool: Pool,
    virtual: bool = False,
    staging: Sequence[BoardEvidence] = (),
) -> BoardVerdict:
    """Judge one board. A production board runs its golden vectors only: staging has measured the rest.

    Args:
        evidence: what the board answered.
        subject: the release that it should run.
        reference: what its answers are held against.
        plan: thresholds and error rates.
        pool: which checks apply.
        virtual: whether the board is a virtual one, which runs the host's own TFLM.
        staging: for a production board: the staging boards that accepted the release.
    """
    if evidence.failure:
        return BoardVerdict(board=evidence.board, decision="refused", reason=evidence.failure.reason)
    smoke = checks.check_smoke(evidence, subject.image_hash, reference, plan)
    if smoke.refuses:
        return BoardVerdict(board=evidence.board, decision="refused", reason=f"smoke: {smoke.detail}", checks=(smoke,))
    samples = (
        sequential_checks(evidence, reference, plan)
        if pool == "staging"
        else [checks.check_golden_vectors(evidence, reference, plan, staging)]
    )
    results = [
        smoke,
        *samples,
        checks.check_latency(evidence, plan),
        checks.check_arena(evidence, plan, host_bytes=subject.arena_bytes, virtual=virtual),
        checks.check_flash(evidence, subject.image_bytes, plan),
        checks.check_soak(evidence, plan),
    ]
    power_cycle = checks.check_power_cycle(evidence, subject.image_hash, plan)
    if power_cycle:
        results.append(power_cycle)
    decision, reason = _decide(results)
    return BoardVerdict(
        board=evidence.board,
        decision=decision,
        reason=reason,
        checks=tuple(results),
        device_accuracy=_device_accuracy(results, reference),
    )


def _decide(results: list[CheckResult]) -> tuple[Decided, str]:
    refusing = [result for result in results if result.refuses]
    if refusing:
        return "refused", "; ".join(_explain(result) for result in refusing)
    left_open = [result for result in results if result.leaves_open]
    if left_open:
        return "undecided", "; ".join(f"{_words(result)}: {result.detail}" for result in left_open)
    warnings = [result for result in results if result.is_warning]
    if warnings:
        return "accepted", f"accepted with a warning: {'; '.join(_explain(result) for result in warnings)}"
    return "accepted", "all checks passed"


def _explain(result: CheckResult) -> str:
    text = f"{_words(result)}: {result.detail}"
    if result.bound is None or result.limit is None or result.samples is None:
        return text
    bound = "at least" if result.bound.low is not None else "at most"
    return f"{text}, where {bound} {result.limit:.4g} is tolerated; decided after {result.samples} samples"


def _words(result: CheckResult) -> str:
    return result.name.replace("_", " ")


def _device_accuracy(results: list[CheckResult], reference: Reference) -> AccuracyBound | None:
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
