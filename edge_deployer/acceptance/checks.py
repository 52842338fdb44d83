"""The checks: pure functions of recorded evidence."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan


class CheckResult(BaseModel):
    """One check on one board.

    Attributes:
        name: smoke, parity, accuracy, arena or latency.
        status: a skipped check neither passes nor fails; `detail` says why it was skipped.
        measured: the figure that was judged, or None.
        limit: what it was judged against, or None.
        detail: the finding in one phrase.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str
    measured: float | None = None
    limit: float | None = None


def check_smoke(evidence: BoardEvidence, image_hash: str, plan: AcceptancePlan) -> CheckResult:
    """The board answers, runs this release, has no fault while it is examined, and gets the first sample right."""

    def result(problem: str | None) -> CheckResult:
        if problem:
            return CheckResult(name="smoke", status="failed", detail=problem)
        return CheckResult(name="smoke", status="passed", detail="boots the release, echo and first sample right")

    if not evidence.echo:
        return result("the board does not echo")
    if evidence.running_hash != image_hash:
        return result(f"the board runs image {(evidence.running_hash or 'none')[:8]}, not {image_hash[:8]}")
    if evidence.faults:
        return result(f"the board had a fault: {evidence.last_fault}")
    if evidence.samples is None:
        return result("the board ran no sample")
    if not _agreement(evidence, plan)[0]:
        return result("the first sample's answer differs from the reference")
    return result(None)


def check_parity(evidence: BoardEvidence, plan: AcceptancePlan) -> CheckResult:
    """The board computes what TFLM computed: same class, and outputs within `output_tolerance`."""
    if evidence.samples is None:
        return CheckResult(name="parity", status="failed", detail="the board ran no sample")
    agreed = _agreement(evidence, plan)
    differing = int(len(agreed) - agreed.sum())
    share = differing / len(agreed)
    return CheckResult(
        name="parity",
        status="passed" if share <= plan.max_disagreement else "failed",
        detail=f"{differing} of {len(agreed)} samples differ from the reference",
        measured=share,
        limit=plan.max_disagreement,
    )


def check_accuracy(evidence: BoardEvidence, plan: AcceptancePlan) -> CheckResult:
    """Enough of the labelled samples get their label on the board.

    Where the plan has no floor of its own, the floor is what TFLM gets right of the same samples, less the share on
    which a board may differ from it. A floor for the whole eval split would refuse good models by the luck of the draw.
    """
    if evidence.samples is None:
        return CheckResult(name="accuracy", status="failed", detail="the board ran no sample")
    truth = evidence.samples.true_labels
    if truth is None:
        return CheckResult(name="accuracy", status="skipped", detail="the acceptance set has no labels")
    right = np.equal(evidence.samples.board_labels, truth)
    reference = float(np.equal(evidence.samples.reference_labels, truth).mean())
    floor = max(0.0, reference - plan.max_disagreement) if plan.min_accuracy is None else plan.min_accuracy
    accuracy = float(right.mean())
    return CheckResult(
        name="accuracy",
        status="passed" if accuracy >= floor else "failed",
        detail=f"{int(right.sum())} of {len(right)} samples right, {reference:.1%} in TFLM",
        measured=accuracy,
        limit=floor,
    )


def check_arena(evidence: BoardEvidence) -> CheckResult:
    """The model's arena on the board, by the board's own figure, is within what the board has."""
    if evidence.arena_used is None or evidence.arena_bytes is None:
        return CheckResult(name="arena", status="failed", detail="the board did not report its arena")
    return CheckResult(
        name="arena",
        status="passed" if evidence.arena_used <= evidence.arena_bytes else "failed",
        detail=f"{evidence.arena_used:,} of {evidence.arena_bytes:,} bytes used",
        measured=evidence.arena_used,
        limit=evidence.arena_bytes,
    )


def check_latency(evidence: BoardEvidence, plan: AcceptancePlan) -> CheckResult:
    """The 95th percentile of the latencies that the board reports is within budget."""
    if evidence.samples is None:
        return CheckResult(name="latency", status="failed", detail="the board ran no sample")
    latency = float(np.percentile(evidence.samples.latencies_us, 95))
    detail = f"95th percentile {latency:,.0f} µs"
    if plan.max_latency_us is None:
        return CheckResult(name="latency", status="skipped", detail=f"{detail}; no budget is set", measured=latency)
    return CheckResult(
        name="latency",
        status="passed" if latency <= plan.max_latency_us else "failed",
        detail=detail,
        measured=latency,
        limit=plan.max_latency_us,
    )


def _agreement(evidence: BoardEvidence, plan: AcceptancePlan) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    assert evidence.samples is not None
    same_class = np.equal(evidence.samples.board_labels, evidence.samples.reference_labels)
    close = np.less_equal(evidence.samples.deviations, plan.output_tolerance)
    agreed: np.ndarray[tuple[int], np.dtype[np.bool_]] = same_class & close
    return agreed
