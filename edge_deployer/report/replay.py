"""Verdicts and outcome once more, from plan, reference and evidence, to hold against what a report says.

Codes and figures are compared, and never words. Records from before there were codes are held to their figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.check import Case, Subject
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.pool_verdict import Examined, PoolVerdict, judge_pool
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.verdict import BoardVerdict, judge_board
from edge_deployer.boards.record import BoardRecord
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Told
from edge_deployer.release.attestation import open_attestation
from edge_deployer.report.facts import Report
from edge_deployer.rollout.attesting import evidence_hash
from edge_deployer.rollout.conclusion import conclude
from edge_deployer.rollout.deployment import Deployment

_NOTHING = "nothing"
_Verdict = TypeVar("_Verdict", BoardVerdict, PoolVerdict)


class Replayed(BaseModel):
    """One verdict, or how the deployment ended, made again.

    Attributes:
        name: the board, ``staging`` for the pool, ``deployment`` for the outcome with its gate, or ``attestation``.
        kind: whose verdict it is; of an attestation, what was signed about staging's.
        same: whether it is the recorded one, bit for bit; None where the evidence cannot speak for it. Of an
            attestation: whether it is signed, and of this evidence; None where no key is known that verifies it.
        decision: what the evidence says now; None where it cannot be judged.
        differences: each field that differs, with what is recorded and what the evidence says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: Literal["board", "pool", "deployment", "attestation"]
    same: bool | None
    decision: str | None
    differences: tuple[str, ...] = ()


def replay(deployment: Deployment) -> list[Replayed]:
    """Judge every board that was examined, the staging pool, and what became of the release, once more.

    A verdict is the same if its JSON is, to the last bit of every figure. An alteration of the evidence that changes
    no finding and no figure changes no verdict, and is not seen.

    Returns:
        The boards in the order of the record, then the pool, then the deployment; nothing where no board was examined
        and the release is not said to have been pushed.

    Raises:
        TinyopsError: boards were examined, but the release or the reference is not recorded.
    """
    boards = [board for board in deployment.boards if board.evidence or board.verdict]
    if not boards:
        return [_replay_end(deployment, None, {})] if deployment.pushed else []
    if deployment.release is None or deployment.reference is None:
        missing = "the release" if deployment.release is None else "the reference"
        raise TinyopsError(
            f"the report has what boards answered, but not {missing} that it was judged by",
            remedy="take a report that `tinyops push` or `tinyops run` has written, as it was written",
        )
    release = deployment.release
    subject = Subject(release.image_hash, release.image_bytes, release.manifest.arena_bytes)
    judge = _Judge(deployment, subject, deployment.reference)
    verdicts = {
        board.name: _compare(board.name, "board", board.verdict, partial(judge.board, board)) for board in boards
    }
    found = [replayed for replayed, _ in verdicts.values()]
    # An unchanged release does without, where staging's boards are not those of its promotion any more.
    staged = deployment.outcome != "unchanged" and any(board.pool == "staging" for board in boards)
    pool = None
    if deployment.staging or staged:
        replayed, pool = _compare("staging", "pool", deployment.staging, judge.pool)
        found.append(replayed)
    if any(replayed.decision is None for replayed in found):
        return [*found, _end(same=None, decision=None)]
    judged = {board.name: verdicts[board.name][1] for board in boards if board.pool == "production"}
    return [*found, _replay_end(deployment, pool, {name: verdict for name, verdict in judged.items() if verdict})]


def replay_attestation(report: Report, public_pem: bytes) -> Replayed | None:
    """Hold the evidence in a report against what was attested of it; None where the report has no attestation.

    Args:
        report: with its deployment.
        public_pem: PEM blocks of the keys that may have signed it; b"" where none is known.
    """
    if report.attestation is None:
        return None
    if not public_pem:
        return _attested(same=None, decision=None)
    try:
        attestation = open_attestation(report.attestation.model_dump_json().encode(), public_pem)
    except TinyopsError as error:
        return _attested(same=False, decision=None, differences=(error.message,))
    acceptance, release = attestation.predicate, report.deployment.release
    attested = {"image": acceptance.image_hash, "evidence": acceptance.evidence.sha256}
    found = {"image": release and release.image_hash, "evidence": evidence_hash(report.deployment)}
    differences = tuple(
        f"{name}: attested {attested[name]}; here {found[name]}" for name in found if found[name] != attested[name]
    )
    return _attested(same=not differences, decision=acceptance.decision, differences=differences)


def _replay_end(
    deployment: Deployment, staging: PoolVerdict | None, production: Mapping[str, BoardVerdict]
) -> Replayed:
    """Outcome and gate, by the verdicts that were made again."""
    end = conclude(deployment, staging, production)
    if end is None and not deployment.pushed:
        return _end(same=None, decision=None)
    if end is None:
        unfounded = f"outcome: recorded {deployment.outcome}; neither evidence nor what the boards run says so"
        return _end(same=False, decision=None, differences=(unfounded,))
    differences = _differing_fields({"outcome": deployment.outcome, "gate": deployment.gate}, asdict(end))
    if deployment.reason is not None and not isinstance(deployment.reason, Told):
        differences.append(f"reason: recorded {deployment.reason.code}; the evidence says what its verdicts say")
    return _end(same=not differences, decision=end.outcome, differences=tuple(differences))


_end = partial(Replayed, name="deployment", kind="deployment")
_attested = partial(Replayed, name="attestation", kind="attestation")


@dataclass(frozen=True)
class _Judge:
    """Judges by what a deployment's boards answered: verdicts that are recorded count for nothing here."""

    deployment: Deployment
    subject: Subject
    reference: Reference

    def board(self, board: BoardRecord) -> BoardVerdict:
        if board.evidence is None:
            raise ValueError("a verdict is recorded, but no evidence")
        staging = () if board.pool == "staging" else self._accepting()
        plan, virtual = self.deployment.plan, board.virtual
        return judge_board(Case(board.evidence, self.reference, plan, self.subject, board.pool, virtual, staging))

    def pool(self) -> PoolVerdict:
        staging, plan = self._staging(), self.deployment.plan
        # In the order in which boards were tried: spares come last.
        tried = sorted(staging, key=lambda board: board.spare)
        examined = [Examined(board.evidence, self.board(board)) for board in tried if board.evidence]
        quorum = plan.quorum_of(sum(not board.spare for board in staging))
        return judge_pool(examined, self.reference, plan, quorum=quorum)

    def _accepting(self) -> tuple[BoardEvidence, ...]:
        """The staging boards that accept the release: production's golden vectors are held against theirs, too."""
        staging = self._staging()
        return tuple(board.evidence for board in staging if board.evidence and self.board(board).accepted)

    def _staging(self) -> list[BoardRecord]:
        return [board for board in self.deployment.boards if board.pool == "staging"]


def _compare(
    name: str, kind: Literal["board", "pool"], recorded: _Verdict | None, judge: Callable[[], _Verdict]
) -> tuple[Replayed, _Verdict | None]:
    try:
        verdict = judge()
    # An altered report can hold arrays that do not belong together: what arithmetic says to that is a finding.
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        finding = f"the evidence cannot be judged: {error}"
        return Replayed(name=name, kind=kind, same=False, decision=None, differences=(finding,)), None
    if recorded is None:
        differences: tuple[str, ...] = (f"no verdict is recorded; the evidence says {verdict.decision}",)
    else:
        differences = tuple(_differing_fields(_fields(recorded, recorded), _fields(verdict, recorded)))
    same = not differences
    return Replayed(name=name, kind=kind, same=same, decision=verdict.decision, differences=differences), verdict


def _fields(verdict: BoardVerdict | PoolVerdict, recorded: BoardVerdict | PoolVerdict) -> dict[str, object]:
    """The fields by name, those of checks by ``check.field``, as in JSON; without what `recorded` has in words."""
    if isinstance(verdict, PoolVerdict):
        in_words = {"told", "against", "unheard", "constant", "quarantined"}
        told = isinstance(recorded, PoolVerdict) and recorded.told is not None
        fields: dict[str, object] = json.loads(verdict.model_dump_json(exclude=in_words if told else None))
        return fields | ({"quarantined": sorted(verdict.quarantined)} if told else {})
    fields = json.loads(verdict.model_dump_json(exclude={"checks"}))
    fields["checks"] = ", ".join(check.name for check in verdict.checks)
    told_checks = {check.name for check in getattr(recorded, "checks", ()) if isinstance(check.finding, Told)}
    for check in verdict.checks:
        without = {"name", "finding", "used_up"} if check.name in told_checks else {"name"}
        found = json.loads(check.model_dump_json(exclude=without))
        fields.update({f"{check.name}.{field}": value for field, value in found.items()})
    return fields


def _differing_fields(recorded: dict[str, object], found: dict[str, object]) -> list[str]:
    return [
        f"{field}: recorded {recorded.get(field, _NOTHING)}; the evidence says {found.get(field, _NOTHING)}"
        for field in dict.fromkeys((*recorded, *found))
        if recorded.get(field, _NOTHING) != found.get(field, _NOTHING)
    ]
