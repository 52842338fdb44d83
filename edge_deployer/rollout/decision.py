"""What a rollout does next: a pure function of its strategy and of what is on record of its boards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge_deployer.rollout.strategy import Strategy

Standing = Literal["waiting", "accepted", "failed", "away"]
"""How far a production board is: not yet tried; it runs the release; it was tried and does not; it did not answer."""

Wish = Literal["pause", "abort", "rollback"]
"""What somebody has asked of a rollout."""


@dataclass(frozen=True)
class View:
    """What is on record of a rollout's production part.

    Attributes:
        waves: names of the boards of each wave.
        standing: of each board.
        approved: numbers of the waves that were approved, from 0.
        baked: numbers of the waves that were watched to the end.
        caught_up: whether the boards that were away were tried once more after the last wave.
        regressed: whether a probe has found a board that answers otherwise, or slower, than when it was accepted.
        wish: what was asked for last and has not been done yet.
    """

    waves: Sequence[Sequence[str]]
    standing: Mapping[str, Standing]
    approved: frozenset[int] = field(default_factory=frozenset)
    baked: frozenset[int] = field(default_factory=frozenset)
    caught_up: bool = False
    regressed: bool = False
    wish: Wish | None = None


@dataclass(frozen=True)
class Try:
    """Give boards of a wave the release; meanwhile it is brought to those of the next one, where it waits."""

    wave: int
    boards: tuple[str, ...]
    ahead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watch:
    """Watch a wave's boards for the strategy's time."""

    wave: int


@dataclass(frozen=True)
class CatchUp:
    """Try boards that were away once more, and see to those that could not be taken back."""

    away: tuple[str, ...]


@dataclass(frozen=True)
class AwaitApproval:
    """Somebody has to approve a wave."""

    wave: int


@dataclass(frozen=True)
class Pause:
    """Stop where it stands, and go on when somebody asks for it."""


@dataclass(frozen=True)
class TakeBack:
    """Every board back to what it had."""

    why: Literal["too many failed", "too few succeeded", "regressed", "aborted", "rolled back"]


@dataclass(frozen=True)
class Finish:
    """All is done."""


Action = Try | Watch | CatchUp | AwaitApproval | Pause | TakeBack | Finish


def next_action(strategy: Strategy, view: View) -> Action:
    """What to do now. No board of a wave boots the release before the wave before it has passed its gate.

    The order of the questions: what somebody asked for; whether too many boards have failed, of all waves; then wave by
    wave its approval, its boards, its share of boards that run the release, its time of watching; at the end, who was
    away.
    """
    if view.wish in ("abort", "rollback"):
        return TakeBack("aborted" if view.wish == "abort" else "rolled back")
    if view.regressed:
        return TakeBack("regressed")
    failed = sum(standing == "failed" for standing in view.standing.values())
    if failed > strategy.tolerated(len(view.standing)):
        return TakeBack("too many failed")
    if view.wish == "pause":
        return Pause()
    for number, boards in enumerate(view.waves):
        action = _in_wave(strategy, view, number, boards)
        if action is not None:
            return action
    missing = {board: standing for board, standing in view.standing.items() if standing in ("away", "failed")}
    if missing and not view.caught_up:
        return CatchUp(tuple(board for board, standing in missing.items() if standing == "away"))
    return Finish()


def may_go_on(strategy: Strategy, failures: int, pool: int, wish: Wish | None) -> bool:
    """Whether one more board of a wave may be begun with: the first questions of `next_action`, in constant time."""
    return wish is None and failures <= strategy.tolerated(pool)


def _in_wave(strategy: Strategy, view: View, number: int, boards: Sequence[str]) -> Action | None:
    """What a wave still needs; None if it is over and has passed its gate."""
    waiting = _waiting(view, number)
    if waiting and _needs_approval(strategy, view, number):
        return AwaitApproval(number)
    if waiting:
        has_next = number + 1 < len(view.waves) and not _needs_approval(strategy, view, number + 1)
        return Try(number, waiting, _waiting(view, number + 1) if has_next else ())
    succeeded = sum(view.standing[board] == "accepted" for board in boards)
    failed = sum(view.standing[board] == "failed" for board in boards)
    if not strategy.suffices(succeeded, failed, len(boards)):
        return TakeBack("too few succeeded")
    if strategy.bake is not None and succeeded and number not in view.baked:
        return Watch(number)
    return None


def _waiting(view: View, number: int) -> tuple[str, ...]:
    return tuple(board for board in view.waves[number] if view.standing[board] == "waiting")


def _needs_approval(strategy: Strategy, view: View, number: int) -> bool:
    terms = strategy.waves[min(number, len(strategy.waves) - 1)]
    return terms.approval and number not in view.approved
