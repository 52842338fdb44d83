"""From boards to a verdict on the release: whose fault is a failure, and are there enough healthy boards?

A board is healthy until it alone speaks against a release in something that another board of its profile has passed;
then it is quarantined and says no more. A failure that boards share, or that no other board can refute, is the
release's. A board that stops answering is never a vote for the release, and alone none against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.agreement import differs
from edge_deployer.acceptance.constant_board import constant_answer_that_passes
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
    def refusing(self) -> frozenset[CheckName]:
        """Checks that refuse the release; none where the board could not be examined to the end."""
        return frozenset(check.name for check in self.verdict.checks if check.refuses)

    @property
    def is_silent(self) -> bool:
        """Whether it stopped answering."""
        cycle = self.evidence.power_cycle
        failures = (self.evidence.failure, cycle.failure if cycle else None)
        return any(failure is not None and failure.kind == "board" for failure in failures)

    @property
    def complaints(self) -> frozenset[Complaint]:
        """What it has against the release, in kinds that two boards can share."""
        if self.verdict.decision != "refused":
            return frozenset()
        if self.is_silent:
            return frozenset({"silence"})
        if self.evidence.failure:
            return frozenset({"answers"})
        return frozenset(_COMPLAINTS.get(name, "answers") for name in self.refusing)

    def has_passed(self, checks: frozenset[CheckName]) -> bool:
        """Whether the board accepts the release, and has passed these checks on the way."""
        passed = {check.name for check in self.verdict.checks if check.status == "passed"}
        return self.verdict.accepted and checks <= passed


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
    if len(against) > 1 or any(not board.is_silent for board in against):
        decision, reason = "refused", _refusal(against, boards)
    elif len(accepted) >= quorum and not against and not _unheard_profiles(boards):
        decision, reason = "accepted", _acceptance(boards, accepted)
    else:
        decision, reason = "no verdict", _no_verdict(boards, accepted, quarantined, quorum)
    constant = constant_answer_that_passes(reference, plan)
    if decision == "accepted" and constant is not None and not reference.random:
        decision, reason = "no verdict", f"the boards agree with TFLM, and {shows_nothing(constant)}"
    return PoolVerdict(decision=decision, reason=reason, accepted=accepted, quarantined=quarantined, quorum=quorum)


def shows_nothing(constant: str) -> str:
    """Why agreement is no evidence.

    Args:
        constant: the answer that would pass.
    """
    return f"that shows nothing: a board that always answered {constant} would pass the same test"


def differs_alone(board: Examined, boards: Sequence[Examined]) -> bool:
    """Whether a complaint is the board's own: another of its profile has passed what it failed, and none agrees.

    Being worse than production is a property of the release: a board that finds nothing else is right, however many
    others there are.
    """
    failed = board.refusing - {"against_production"}
    if not board.complaints or (board.refusing and not failed):
        return False
    peers = [peer for peer in boards if peer.name != board.name and peer.evidence.profile == board.evidence.profile]
    refuted = any(peer.has_passed(frozenset() if board.is_silent else failed) for peer in peers)
    return refuted and not any(peer.complaints & board.complaints for peer in peers)


def _unheard_profiles(boards: Sequence[Examined]) -> set[str]:
    """Profiles of which no board accepts: nobody knows what the release does on such boards."""
    return {board.evidence.profile for board in boards} - {
        board.evidence.profile for board in boards if board.verdict.accepted
    }


def samples_to_repeat(board: Examined) -> tuple[int, ...]:
    """Samples that a board which differs alone is asked again: the first that spoke against it, each once."""
    if board.evidence.answers is None:
        return ()
    against = {index for check in board.verdict.checks if check.refuses for index in check.differing}
    return tuple(sorted(against)[:_MOST_REPEATED])


def _why_quarantined(board: Examined, boards: Sequence[Examined], reference: Reference, plan: AcceptancePlan) -> str:
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
    compared = [check for board in votes for check in board.verdict.checks if check.name == "against_production"]
    if compared and all(check.status == "skipped" for check in compared):
        text += f"; not compared with production: {compared[0].detail}"
    if deciding:
        longest = max(deciding, key=lambda check: check.samples or 0)
        text += f", after {longest.samples} samples where a test of fixed size takes {longest.fixed_samples}"
    return text


def _no_verdict(boards: Sequence[Examined], accepted: tuple[str, ...], quarantined: dict[str, str], quorum: int) -> str:
    count = "1 healthy board accepts" if len(accepted) == 1 else f"{len(accepted)} healthy boards accept"
    text = f"{count} it where {quorum} must"
    undecided = [f"{board.name}: {board.verdict.reason}" for board in boards if board.verdict.decision == "undecided"]
    unhealthy = [f"{name} is quarantined: {reason}" for name, reason in quarantined.items()]
    silent = [f"{board.name}: {board.verdict.reason}" for board in boards if board.is_silent]
    unheard = [f"no board of profile {profile} accepts it" for profile in sorted(_unheard_profiles(boards))]
    heard = [name for name in silent if name.partition(":")[0] not in quarantined]
    return "; ".join([text, *undecided, *unhealthy, *heard, *unheard])
