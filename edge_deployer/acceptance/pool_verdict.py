"""From boards to a verdict on the release: whose fault is a failure, and are there enough healthy boards?

A board is healthy until it alone speaks against a release that another board of its profile accepts; then the board is
quarantined and says no more. A failure that boards share, or that no other board can refute, is the release's. A board
that does not answer is never the release's fault, and never a vote for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.agreement import differs
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan, CheckName
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.verdict import BoardVerdict

_MOST_REPEATED = 16

Complaint = Literal["silence", "answers", "latency", "memory"]
_COMPLAINTS: dict[CheckName, Complaint] = {"latency": "latency", "arena": "memory", "flash": "memory"}


class PoolVerdict(BaseModel):
    """What the staging pool says of the release.

    Attributes:
        decision: ``no verdict`` where too few healthy boards came to a decision: never a yes.
        reason: why, in one sentence.
        accepted: names of the boards that accept.
        quarantined: names of the boards that are not to be trusted, with the reason.
        quorum: boards that must accept.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["accepted", "refused", "no verdict"]
    reason: str
    accepted: tuple[str, ...]
    quarantined: dict[str, str]
    quorum: int


class Examined(BaseModel):
    """One board of the pool, examined and judged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    evidence: BoardEvidence
    verdict: BoardVerdict

    @property
    def name(self) -> str:
        """The board."""
        return self.evidence.board

    @property
    def complaints(self) -> frozenset[Complaint]:
        """What it has against the release, in kinds that two boards can share."""
        if self.verdict.decision != "refused":
            return frozenset()
        if self.evidence.failure:
            return frozenset({"silence" if self.evidence.failure.kind == "board" else "answers"})
        return frozenset(_COMPLAINTS.get(check.name, "answers") for check in self.verdict.checks if check.refuses)


def judge_pool(boards: Sequence[Examined], reference: Reference, plan: AcceptancePlan, *, quorum: int) -> PoolVerdict:
    """Judge the release by all boards of the pool.

    Args:
        boards: those that were examined, spares too.
        reference: what their answers are held against.
        plan: for the tolerance of repeated samples.
        quorum: boards that must accept.
    """
    quarantined = {
        board.name: _why_quarantined(board, boards, reference, plan) for board in boards if differs_alone(board, boards)
    }
    accepted = tuple(board.name for board in boards if board.verdict.accepted)
    against = [board for board in boards if board.complaints and board.name not in quarantined]
    decision: Literal["accepted", "refused", "no verdict"]
    if against:
        decision, reason = "refused", _refusal(against, boards)
    elif len(accepted) >= quorum:
        decision, reason = "accepted", _acceptance(boards, accepted)
    else:
        decision, reason = "no verdict", _no_verdict(boards, accepted, quarantined, quorum)
    return PoolVerdict(decision=decision, reason=reason, accepted=accepted, quarantined=quarantined, quorum=quorum)


def differs_alone(board: Examined, boards: Sequence[Examined]) -> bool:
    """Whether a complaint is the board's own: it is silent, or its profile's others accept and none agrees with it."""
    if not board.complaints:
        return False
    if board.complaints == {"silence"}:
        return True
    peers = [peer for peer in boards if peer.name != board.name and peer.evidence.profile == board.evidence.profile]
    return any(peer.verdict.accepted for peer in peers) and not any(
        peer.complaints & board.complaints for peer in peers
    )


def samples_to_repeat(board: Examined) -> tuple[int, ...]:
    """Samples that a board which differs alone is asked again: the first that spoke against it, each once."""
    if board.evidence.answers is None:
        return ()
    against = {index for check in board.verdict.checks if check.refuses for index in check.differing}
    return tuple(sorted(against)[:_MOST_REPEATED])


def _why_quarantined(board: Examined, boards: Sequence[Examined], reference: Reference, plan: AcceptancePlan) -> str:
    if board.complaints == {"silence"}:
        return board.verdict.reason
    others = [peer.name for peer in boards if peer.verdict.accepted]
    reason = f"{board.verdict.reason}; {' and '.join(others)} accept{'s' if len(others) == 1 else ''} the same release"
    repeated = board.evidence.repeated
    if repeated is None:
        return reason
    again = int(np.count_nonzero(differs(repeated.outputs.load(), reference, repeated.samples, plan)))
    return f"{reason}; asked again, {again} of {len(repeated.samples)} of the samples differ"


def _refusal(against: Sequence[Examined], boards: Sequence[Examined]) -> str:
    names_by_reason: dict[str, list[str]] = {}
    for board in against:
        names_by_reason.setdefault(board.verdict.reason, []).append(board.name)
    reasons = "; ".join(f"{' and '.join(names)}: {reason}" for reason, names in names_by_reason.items())
    if len(against) > 1:
        return f"{len(against)} boards refuse it: {reasons}"
    if len(boards) > 1 and not any(board.verdict.accepted for board in boards):
        return f"{reasons}; no other board accepts it"
    return reasons


def _acceptance(boards: Sequence[Examined], accepted: tuple[str, ...]) -> str:
    votes = [board for board in boards if board.verdict.accepted]
    bounds = [board.verdict.device_accuracy for board in votes if board.verdict.device_accuracy]
    text = f"all checks passed on {' and '.join(accepted)}"
    warned = [board for board in votes if board.verdict.reason != "all checks passed"]
    if warned:
        text = f"{' and '.join(accepted)} accept it; " + "; ".join(f"{b.name}: {b.verdict.reason}" for b in warned)
    if bounds:
        worst = min(bounds, key=lambda bound: bound.low)
        text += f"; accuracy on the device is at least {worst.low:.1%} with {worst.confidence:.0%} confidence"
    deciding = [check for board in votes for check in board.verdict.checks if check.samples and check.fixed_samples]
    if deciding:
        longest = max(deciding, key=lambda check: check.samples or 0)
        text += f", after {longest.samples} samples where a test of fixed size takes {longest.fixed_samples}"
    return text


def _no_verdict(boards: Sequence[Examined], accepted: tuple[str, ...], quarantined: dict[str, str], quorum: int) -> str:
    count = "1 healthy board accepts" if len(accepted) == 1 else f"{len(accepted)} healthy boards accept"
    text = f"{count} it where {quorum} must"
    undecided = [f"{board.name}: {board.verdict.reason}" for board in boards if board.verdict.decision == "undecided"]
    unhealthy = [f"{name} is quarantined: {reason}" for name, reason in quarantined.items()]
    return "; ".join([text, *undecided, *unhealthy])
