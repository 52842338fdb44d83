"""From checks to a verdict: on a board, then on the release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance import checks
from edge_deployer.acceptance.checks import CheckResult
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan


class BoardVerdict(BaseModel):
    """What one board's evidence says of the release."""

    model_config = ConfigDict(frozen=True)

    board: str
    accepted: bool
    reason: str
    checks: tuple[CheckResult, ...]


class Verdict(BaseModel):
    """What all boards of a pool say of the release."""

    model_config = ConfigDict(frozen=True)

    accepted: bool
    reason: str


def judge_board(
    evidence: BoardEvidence, image_hash: str, plan: AcceptancePlan, *, pool: Literal["staging", "production"]
) -> BoardVerdict:
    """Judge one board. A production board runs too few samples to measure accuracy: staging has done that.

    Args:
        evidence: what the board answered.
        image_hash: hex hash of the release it should run.
        plan: thresholds.
        pool: which checks apply.
    """
    if evidence.failure:
        return BoardVerdict(board=evidence.board, accepted=False, reason=evidence.failure.reason, checks=())
    results = [
        checks.check_smoke(evidence, image_hash, plan),
        checks.check_parity(evidence, plan),
        *([checks.check_accuracy(evidence, plan)] if pool == "staging" else []),
        checks.check_arena(evidence),
        checks.check_latency(evidence, plan),
    ]
    failed = [result for result in results if result.status == "failed"]
    reason = "; ".join(_explain(result) for result in failed) or "all checks passed"
    return BoardVerdict(board=evidence.board, accepted=not failed, reason=reason, checks=tuple(results))


def judge_pool(verdicts: Sequence[BoardVerdict]) -> Verdict:
    """A release is accepted when every board of the pool accepts it; a pool without boards accepts nothing."""
    refusals = [verdict for verdict in verdicts if not verdict.accepted]
    if not verdicts:
        return Verdict(accepted=False, reason="no board was examined")
    if refusals:
        return Verdict(accepted=False, reason="; ".join(f"{refusal.board}: {refusal.reason}" for refusal in refusals))
    return Verdict(accepted=True, reason=f"all checks passed on {', '.join(verdict.board for verdict in verdicts)}")


def _explain(result: CheckResult) -> str:
    if result.limit is None or result.measured is None:
        return f"{result.name}: {result.detail}"
    bound = "at least" if result.name == "accuracy" else "at most"
    return f"{result.name}: {result.detail} ({result.measured:,.4g}, allowed {bound} {result.limit:,.4g})"
