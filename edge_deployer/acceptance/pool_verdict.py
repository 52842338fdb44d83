"""From boards to a verdict on the release: whose fault is a failure, and are there enough healthy boards?

A board is healthy until it alone speaks against a release in something that another board of its profile has passed;
then it is quarantined and says no more. A failure that boards share, or that no other board can refute, is the
release's. A board that stops answering is never a vote for the release, and alone none against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from edge_deployer.acceptance.agreement import differs
from edge_deployer.acceptance.checks.outputs import tolerance_of
from edge_deployer.acceptance.constant_board import ConstantAnswer, constant_answer_that_passes
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import declaration_of
from edge_deployer.acceptance.verdict import BoardVerdict, Why
from edge_deployer.finding import AnyFinding, Finding

_MOST_REPEATED = 16


class DiffersAlone(Finding):
    """A board alone speaks against a release that others accept.

    Attributes:
        why: what its verdict rests on.
        accepted_by: the boards that accept.
        asked_again: samples that it was asked once more; None where it was not, or did not answer any more.
        differ_again: of those, on which it differed again.
    """

    code: str = "differs_alone"
    why: Why
    accepted_by: tuple[str, ...]
    asked_again: int | None
    differ_again: int | None
    words: ClassVar[str] = (
        "{{ why | words }}; {{ accepted_by | together }} "
        "accept{{ 's' if accepted_by | length == 1 else '' }} the same release"
        "{% if asked_again is not none %}; asked again, {{ differ_again }} of {{ asked_again }} of the samples differ"
        "{% endif %}"
    )


class PoolVerdict(BaseModel):
    """What the staging pool says of the release.

    Attributes:
        decision: ``no verdict`` where too few healthy boards came to a decision: never a yes.
        accepted: names of the boards that accept.
        against: names of the boards whose complaint counts.
        quarantined: names of the boards that are not to be trusted, with the reason.
        quorum: boards that must accept.
        unheard: profiles of which no board accepts.
        constant: the answer that a board might always give and pass, where that is why there is no verdict.
        told: the reason in words, in earlier records; they have neither `against` nor `unheard`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["accepted", "refused", "no verdict"]
    accepted: tuple[str, ...]
    against: tuple[str, ...] = ()
    quarantined: dict[str, AnyFinding]
    quorum: int
    unheard: tuple[str, ...] = ()
    constant: ConstantAnswer | None = None
    told: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _sentence_of_before(cls, content: Any) -> Any:
        if isinstance(content, dict) and "reason" in content:
            return {"told" if name == "reason" else name: value for name, value in content.items()}
        return content


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
    def why(self) -> Why:
        """What its verdict rests on."""
        return self.verdict.why(self.evidence)

    @property
    def refusing(self) -> frozenset[str]:
        """Checks that refuse the release; none where the board could not be examined to the end."""
        return frozenset(check.name for check in self.verdict.checks if check.refuses)

    @property
    def is_silent(self) -> bool:
        """Whether it stopped answering."""
        cycle = self.evidence.power_cycle
        failures = (self.evidence.failure, cycle.failure if cycle else None)
        return any(failure is not None and failure.kind == "board" for failure in failures)

    @property
    def complaints(self) -> frozenset[str]:
        """What it has against the release, in kinds that two boards can share."""
        if self.verdict.decision != "refused":
            return frozenset()
        if self.is_silent:
            return frozenset({"silence"})
        if self.evidence.failure:
            return frozenset({"answers"})
        return frozenset(check.complaint for name in self.refusing if (check := declaration_of(name)))

    def has_passed(self, checks: frozenset[str]) -> bool:
        """Whether the board accepts the release, and has passed these checks on the way."""
        passed = {check.name for check in self.verdict.checks if check.status == "passed"}
        return self.verdict.accepted and checks <= passed


def judge_pool(boards: Sequence[Examined], reference: Reference, plan: AcceptancePlan, *, quorum: int) -> PoolVerdict:
    """Judge the release by all boards of the pool."""
    quarantined: dict[str, Finding] = {
        board.name: _why_quarantined(board, boards, reference, plan) for board in boards if differs_alone(board, boards)
    }
    accepted = tuple(board.name for board in boards if board.verdict.accepted)
    against = [board for board in boards if board.complaints and board.name not in quarantined]
    unheard = tuple(sorted(_unheard_profiles(boards)))
    decision: Literal["accepted", "refused", "no verdict"] = "no verdict"
    if len(against) > 1 or any(not board.is_silent for board in against):
        decision = "refused"
    elif len(accepted) >= quorum and not against and not unheard:
        decision = "accepted"
    constant = constant_answer_that_passes(reference, plan) if decision == "accepted" and not reference.random else None
    return PoolVerdict(
        decision=decision if constant is None else "no verdict",
        accepted=accepted,
        against=tuple(board.name for board in against),
        quarantined=quarantined,
        quorum=quorum,
        unheard=unheard,
        constant=constant,
    )


def differs_alone(board: Examined, boards: Sequence[Examined]) -> bool:
    """Whether a complaint is the board's own: another of its profile has passed what it failed, and none agrees.

    Being worse than production is a property of the release: a board that finds nothing else is right, however many
    others there are.
    """
    failed = frozenset(name for name in board.refusing if not ((check := declaration_of(name)) and check.of_release))
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


def _why_quarantined(
    board: Examined, boards: Sequence[Examined], reference: Reference, plan: AcceptancePlan
) -> DiffersAlone:
    repeated = board.evidence.repeated
    again = None
    if repeated is not None:
        outputs = repeated.outputs.load()
        again = int(np.count_nonzero(differs(outputs, reference, repeated.samples, tolerance_of(plan))))
    return DiffersAlone(
        why=board.why,
        accepted_by=tuple(peer.name for peer in boards if peer.verdict.accepted),
        asked_again=None if repeated is None else len(repeated.samples),
        differ_again=again,
    )
