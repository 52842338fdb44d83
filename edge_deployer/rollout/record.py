"""A rollout on record: its plan, the entries that the trail gets of it, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.boards.record import BoardRecord, Step
from edge_deployer.boards.trail import Entry, Trail
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import AnyFinding, Finding
from edge_deployer.rollout.decision import Standing, View, Wish
from edge_deployer.rollout.deployment import Gate, Outcome, ReleaseRecord
from edge_deployer.rollout.strategy import Strategy

State = Literal["running", "paused", "waits for approval", "ended"]
NO_WAY_BACK = -1
"""In place of a wave's number: the approval of a rollout that cannot be taken back."""

_FINDING: TypeAdapter[Finding] = TypeAdapter(AnyFinding)


class RolloutPlan(BaseModel):
    """What a rollout is to do; never changed once it has begun.

    Attributes:
        id: its name in the workspace, ``r1`` for the first.
        release: what goes to the boards.
        acceptance: what staging and production boards are asked.
        strategy: how production gets it.
        staging: names of the staging boards, spares last; empty where the release was accepted before.
        waves: names of the production boards of each wave.
        precedents: id of the rollout whose staging has accepted the release; None if this one has to.
        inventory: path of the inventory, for whoever goes on; None for the shipped boards.
        takes_back: whether Ctrl-C takes it back, as of a plain push; otherwise it pauses.
        replace: whether a release of another kind may take production's place.
        by: who began it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    release: ReleaseRecord
    acceptance: AcceptancePlan
    strategy: Strategy
    staging: tuple[str, ...]
    waves: tuple[tuple[str, ...], ...]
    precedents: str | None = None
    inventory: str | None = None
    takes_back: bool = False
    replace: bool = False
    by: str

    @cached_property
    def production(self) -> tuple[str, ...]:
        """The production boards, in the order of the waves."""
        return tuple(name for wave in self.waves for name in wave)

    @property
    def boards(self) -> tuple[str, ...]:
        """All boards."""
        return (*self.staging, *self.production)


@dataclass
class Progress:
    """How far a rollout is: what its entries say, and nothing else."""

    plan: RolloutPlan
    begun: datetime
    state: State = "running"
    records: dict[str, BoardRecord] = field(default_factory=dict)  # The last of each board.
    standing: dict[str, Standing] = field(default_factory=dict)  # Of each production board.
    failures: int = 0  # Production boards that have failed.
    touched: set[str] = field(default_factory=set)  # Boards that this rollout may have given the release.
    staging: PoolVerdict | None = None  # What staging said last.
    accepted: PoolVerdict | None = None  # What staging said, once it has accepted and kept the release.
    approvals: dict[int, dict[str, str]] = field(default_factory=dict)  # Who, when and why, by wave; -1 is the rollout.
    baked: set[int] = field(default_factory=set)
    caught_up: bool = False  # Whether those that were away were tried once more.
    regressed: bool = False
    wish: Wish | None = None  # What was asked for, and is not done yet.
    wished: dict[str, str] = field(default_factory=dict)  # The same, with who asked and why.
    waits_for: int | None = None  # The wave that has to be approved.
    noted: list[str] = field(default_factory=list)  # Steps, as JSON: of a large fleet there are many.
    turned_back: bool = False  # Whether all boards are to have what they had.
    outcome: Outcome | None = None  # How it ended, or will, once all boards are back.
    gate: Gate | None = None
    reason: Finding | None = None
    changed: datetime | None = None  # When the last entry was written.
    seq: int = 0  # Of the last entry.

    @property
    def view(self) -> View:
        """What the next action is decided on."""
        return View(
            waves=self.plan.waves,
            standing=self.standing,
            approved=frozenset(self.approvals),
            baked=frozenset(self.baked),
            caught_up=self.caught_up,
            regressed=self.regressed,
            wish=self.wish,
        )

    @property
    def steps(self) -> list[Step]:
        """What was done, in order."""
        return [Step.model_validate_json(noted) for noted in self.noted]

    def take(self, entry: Entry) -> None:
        """Go on with one more entry.

        Raises:
            DamagedFile: somebody has changed it, and it makes no sense any more.
        """
        self.see(entry)
        if entry.kind == "done":
            return
        with entry.being_read():
            if entry.kind == "step":
                Step.model_validate_json(entry.body)
                self.noted.append(entry.body)
            else:
                self._take(entry, entry.content)

    def _take(self, entry: Entry, content: dict[str, Any]) -> None:
        if entry.kind == "intent":
            # To take back what somebody else left on trial gives a board nothing.
            if content["action"] == "put on trial":
                self.touched.add(entry.board)
        elif entry.kind == "settled":
            self.settle(BoardRecord.model_validate(content["record"]), content["standing"])
        elif entry.kind in ("turned back", "state"):
            self._take_state(content)
        elif entry.kind in ("wish", "approved"):
            self._take_word(entry, content)
        else:
            self._take_finding(entry.kind, content)

    def _take_word(self, entry: Entry, content: dict[str, Any]) -> None:
        """What somebody said."""
        if entry.kind == "wish":
            self.wish, self.wished = content["wish"], content
        else:
            self.approvals[int(content["wave"])] = {"at": entry.at, "who": content["who"], "why": content["why"]}

    def _take_finding(self, kind: str, content: dict[str, Any]) -> None:
        """What was found out."""
        if kind == "staging judged":
            # Entries of before have no records: they came one by one.
            records = [BoardRecord.model_validate(record) for record in content.pop("records", ())]
            self.judge(PoolVerdict.model_validate(content), records)
        elif kind == "staging again":
            self._forget_staging()
        elif kind == "staging accepted":
            self.accepted = self.staging = PoolVerdict.model_validate(content)
        elif kind == "watched":
            self.baked.add(content["wave"])
        elif kind == "caught up":
            self.caught_up = True
        elif kind == "regressed":
            self.regressed, self.reason = True, _FINDING.validate_python(content["finding"])

    def _forget_staging(self) -> None:
        """What boards answered a process that was killed is no part of what they answer now: one may be away."""
        self.staging = None
        for name in self.plan.staging:
            if name in self.records:
                self.records[name].evidence = self.records[name].verdict = None

    def judge(self, verdict: PoolVerdict, records: Iterable[BoardRecord]) -> None:
        """What staging's boards say together, and what each of them said."""
        self.staging = verdict
        for record in records:
            self.settle(record, None)

    def see(self, entry: Entry) -> None:
        """The last entry that is known."""
        with entry.being_read():
            self.changed, self.seq = datetime.fromisoformat(entry.at), entry.seq

    def settle(self, record: BoardRecord, standing: Standing | None) -> None:
        """What has become of a board; None leaves its standing as it is."""
        self.records[record.name] = record
        if standing is not None:
            self.failures += (standing == "failed") - (self.standing[record.name] == "failed")
            self.standing[record.name] = standing

    def _take_state(self, content: dict[str, Any]) -> None:
        self.turned_back = self.turned_back or "state" not in content
        self.state = content.get("state", self.state)
        self.waits_for = content.get("wave")
        if "outcome" in content:
            self._take_end(content)
        if self.state == "ended" or self.wish == "pause":
            self.wish = None

    def _take_end(self, content: dict[str, Any]) -> None:
        self.outcome, self.gate = content["outcome"], content["gate"]
        self.reason = _FINDING.validate_python(content["reason"]) if content["reason"] else None


class RolloutLog:
    """Writes one rollout's entries, and keeps its progress: nothing is known that is not on the disk."""

    def __init__(self, trail: Trail, progress: Progress) -> None:
        self.progress, self._trail = progress, trail

    @property
    def id(self) -> str:
        """The rollout's."""
        return self.progress.plan.id

    def write(self, kind: str, body: dict[str, Any], board: str = "") -> None:
        """Add an entry.

        Raises:
            TinyopsError: see `Trail.append`.
        """
        self.progress.take(self._append(kind, body, board))

    def settle(self, record: BoardRecord, standing: Standing | None = None) -> None:
        """What has become of a board."""
        body = {"record": record.model_dump(mode="json"), "standing": standing}
        entry = self._append("settled", body, record.name)
        # The record itself, and no copy: whoever works with the board goes on with it.
        self.progress.settle(record, standing)
        self.progress.see(entry)

    def judge(self, verdict: PoolVerdict, records: Sequence[BoardRecord]) -> None:
        """What staging says, in one entry with what it is made of: neither could be understood without the other."""
        kept = [record.model_dump(mode="json") for record in records]
        entry = self._append("staging judged", {**verdict.model_dump(mode="json"), "records": kept}, "")
        self.progress.judge(verdict, records)
        self.progress.see(entry)

    def state(self, state: State, **more: Any) -> None:
        """The rollout goes on, or stands."""
        self.write("state", {"state": state, **more})

    def turn_back(self, gate: Gate, reason: Finding | None, outcome: Outcome) -> None:
        """All boards are to have what they had; whoever comes next goes on with that."""
        self.write("turned back", _end(outcome, gate, reason))

    def end(self, outcome: Outcome, gate: Gate | None = None, reason: Finding | None = None) -> None:
        """The rollout has ended, so or so."""
        self.state("ended", **_end(outcome, gate, reason))

    def hear(self) -> Wish | None:
        """What others have asked for in the meantime."""
        for entry in self._trail.entries(self.id, after=self.progress.seq):
            self.progress.take(entry)
        return self.progress.wish

    def _append(self, kind: str, body: dict[str, Any], board: str) -> Entry:
        entry = self._trail.append(kind, body, rollout=self.id, board=board)
        if entry.seq > self.progress.seq + 1:
            for other in self._trail.entries(self.id, after=self.progress.seq, before=entry.seq):
                self.progress.take(other)
        return entry


def _end(outcome: Outcome, gate: Gate | None, reason: Finding | None) -> dict[str, Any]:
    said = reason.model_dump(mode="json") if reason else None
    return {"outcome": outcome, "gate": gate, "reason": said}


def begin(trail: Trail, plan: RolloutPlan) -> RolloutLog:
    """Write down that a rollout begins.

    Raises:
        TinyopsError: see `Trail.append`.
    """
    entry = trail.append("begun", plan.model_dump(mode="json"), rollout=plan.id)
    return RolloutLog(trail, _begun(entry))


def rollout_ids(trail: Trail) -> list[str]:
    """All rollouts of a workspace, in the order in which they began.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    return [entry.rollout for entry in trail.entries(kind="begun")]


def rollouts(trail: Trail) -> list[Progress]:
    """All rollouts of a workspace, in the order in which they began.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    return [_of(trail.entries(rollout)) for rollout in rollout_ids(trail)]


def latest_first(trail: Trail) -> Iterator[Progress]:
    """All rollouts of a workspace, each read when it is asked for.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    return (_of(trail.entries(rollout)) for rollout in reversed(rollout_ids(trail)))


def find_rollout(trail: Trail, rollout: str | None = None) -> Progress:
    """A rollout by its id; the last one without.

    Raises:
        TinyopsError: there is no such rollout, or the trail cannot be read.
    """
    known = rollout_ids(trail)
    wanted = known[-1] if rollout is None and known else rollout
    if wanted not in known:
        remedy = f"name one of {', '.join(known)}" if known else "begin one: `tinyops rollout start RELEASE`"
        raise TinyopsError(f"{trail.path} has no rollout{f' {rollout!r}' if rollout else ''}", remedy=remedy)
    return _of(trail.entries(wanted))


def unfinished(trail: Trail) -> Progress | None:
    """The rollout that has not ended; a workspace has one at most.

    Raises:
        TinyopsError: the trail cannot be read.
    """
    last = next(latest_first(trail), None)
    return last if last and last.state != "ended" else None


def _of(entries: Iterable[Entry]) -> Progress:
    first, *others = entries
    progress = _begun(first)
    for entry in others:
        progress.take(entry)
    return progress


def _begun(entry: Entry) -> Progress:
    with entry.being_read():
        plan = RolloutPlan.model_validate(entry.content)
        progress = Progress(plan, datetime.fromisoformat(entry.at), seq=entry.seq)
    progress.standing = dict.fromkeys(plan.production, "waiting")
    return progress
