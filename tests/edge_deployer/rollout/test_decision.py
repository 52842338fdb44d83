"""What a rollout does next: for any strategy, and whatever has become of the boards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.rollout.decision import (
    Action,
    AwaitApproval,
    CatchUp,
    Finish,
    Pause,
    Standing,
    TakeBack,
    Try,
    View,
    Watch,
    Wish,
    may_go_on,
    next_action,
)
from edge_deployer.rollout.strategy import Bake, Strategy, WaveTerms
from tests.edge_deployer.rollout.strategies import strategies

_STOPS = ("aborted", "rolled back", "too many failed")


@st.composite
def situations(draw: st.DrawFn) -> tuple[Strategy, View]:
    """A strategy, and anything that may be on record."""
    strategy = draw(strategies())
    names = [f"p{number}" for number in range(draw(st.integers(1, 40)))]
    waves = strategy.divide(names)
    numbers = st.frozensets(st.integers(-1, len(waves)))
    standing = {name: draw(st.sampled_from(get_args(Standing))) for name in names}
    wish: Wish | None = draw(st.none() | st.sampled_from(get_args(Wish)))
    return strategy, View(waves, standing, draw(numbers), draw(numbers), draw(st.booleans()), wish)


def failures(view: View) -> int:
    return sum(standing == "failed" for standing in view.standing.values())


def has_passed(strategy: Strategy, view: View, number: int) -> bool:
    """Whether a wave is over and its gate is open, put as the documentation has it."""
    standings = [view.standing[board] for board in view.waves[number]]
    accepted = standings.count("accepted")
    is_watched = strategy.bake is None or number in view.baked or accepted == 0
    if strategy.min_success is None:
        return "waiting" not in standings and "away" not in standings and is_watched
    return "waiting" not in standings and accepted / len(standings) >= strategy.min_success and is_watched


@given(situations())
def test_nothing_is_asked_of_a_wave_before_those_before_it_have_passed(situation: tuple[Strategy, View]) -> None:
    strategy, view = situation
    match next_action(strategy, view):
        case Try(wave=wave, boards=boards, ahead=ahead):
            assert set(boards) == {board for board in view.waves[wave] if view.standing[board] == "waiting"}
            assert not strategy.waves[wave].approval or wave in view.approved
            following = [] if wave + 1 == len(view.waves) else view.waves[wave + 1]
            waits = bool(following) and strategy.waves[wave + 1].approval and wave + 1 not in view.approved
            expected = {board for board in following if view.standing[board] == "waiting" and not waits}
            assert set(ahead) == expected, "the release is brought to the next wave, and to no other"
            reached = wave
        case AwaitApproval(wave=wave) | Watch(wave=wave):
            reached = wave
        case TakeBack(why="too few succeeded"):
            reached = next(number for number in range(len(view.waves)) if not has_passed(strategy, view, number))
            assert "waiting" not in [view.standing[board] for board in view.waves[reached]]
        case Finish():
            reached = len(view.waves)
        case _:
            return
    assert all(has_passed(strategy, view, number) for number in range(reached))
    assert failures(view) <= strategy.tolerated(len(view.standing))
    assert not view.regressed
    assert view.wish is None


@given(situations())
def test_what_takes_all_back_does_so_whatever_else_is_on_record(situation: tuple[Strategy, View]) -> None:
    strategy, view = situation
    action = next_action(strategy, view)
    too_many = failures(view) > strategy.tolerated(len(view.standing))
    if view.wish == "abort":
        assert action == TakeBack("aborted")
    elif view.wish == "rollback":
        assert action == TakeBack("rolled back")
    elif view.regressed:
        assert action == TakeBack("regressed")
    elif too_many:
        assert action == TakeBack("too many failed")
    elif view.wish == "pause":
        assert action == Pause()
    else:
        assert not isinstance(action, Pause)


@given(situations())
def test_a_board_is_begun_with_exactly_while_nothing_stops_the_rollout(situation: tuple[Strategy, View]) -> None:
    strategy, view = situation
    view = replace(view, regressed=False)
    action = next_action(strategy, view)
    stops = isinstance(action, Pause) or (isinstance(action, TakeBack) and action.why in _STOPS)
    assert may_go_on(strategy, failures(view), len(view.standing), view.wish) is not stops


@dataclass
class Rollout:
    """A rollout of nothing but records; the world is drawn."""

    strategy: Strategy
    view: View
    data: st.DataObject
    wishes: int = 3
    actions: list[Action] = field(default_factory=list)

    def run(self) -> Action:
        """Until it ends; returns how."""
        for _ in range(4 * len(self.view.waves) + 2 * self.wishes + 3):
            action = next_action(self.strategy, self.view)
            self.actions.append(action)
            if isinstance(action, (Finish, TakeBack)):
                return action
            self._do(action)
        raise AssertionError(self.actions)

    def _do(self, action: Action) -> None:
        match action:
            case Try(boards=boards):
                self._try(boards)
            case Watch(wave=wave):
                regressed = self.data.draw(st.booleans(), "regressed")
                self.view = replace(self.view, regressed=regressed, baked=self.view.baked | {wave})
            case AwaitApproval(wave=wave):
                self.view = replace(self.view, approved=self.view.approved | {wave})
            case CatchUp(away=away):
                self._catch_up(away)
            case Pause():
                self.view = replace(self.view, wish=None)
        self._may_wish()

    def _catch_up(self, away: tuple[str, ...]) -> None:
        assert set(away) == {board for board, standing in self.view.standing.items() if standing == "away"}
        became = {board: self.data.draw(st.sampled_from(["accepted", "failed", "away"])) for board in away}
        self.view = replace(self.view, standing={**self.view.standing, **became}, caught_up=True)

    def _try(self, boards: tuple[str, ...]) -> None:
        for board in boards:
            pool = len(self.view.standing)
            if not may_go_on(self.strategy, failures(self.view), pool, self.view.wish):
                return
            assert self.view.standing[board] == "waiting", "no board is given the release twice"
            became = self.data.draw(st.sampled_from(["accepted", "accepted", "accepted", "failed", "away"]))
            self.view = replace(self.view, standing={**self.view.standing, board: became})
            self._may_wish()

    def _may_wish(self) -> None:
        if self.wishes and self.data.draw(st.integers(0, 9)) == 9:
            self.wishes -= 1
            self.view = replace(self.view, wish=self.data.draw(st.sampled_from(get_args(Wish))))


@given(strategies(), st.integers(1, 30), st.data())
def test_whatever_happens_a_rollout_ends_in_few_steps(strategy: Strategy, pool: int, data: st.DataObject) -> None:
    names = [f"p{number}" for number in range(pool)]
    view = View(strategy.divide(names), dict.fromkeys(names, "waiting"))
    rollout = Rollout(strategy, view, data)
    end = rollout.run()
    view = rollout.view
    if isinstance(end, Finish):
        assert all(has_passed(strategy, view, number) for number in range(len(view.waves)))
        assert failures(view) <= strategy.tolerated(pool)
        missing = {"away", "failed"} & set(view.standing.values())
        assert view.caught_up or not missing, "who is missing was tried once more"
    tried = [action.wave for action in rollout.actions if isinstance(action, Try)]
    assert tried == sorted(tried)


def test_a_share_that_is_just_reached_is_enough() -> None:
    for boards in range(1, 41):
        names = [f"p{number}" for number in range(boards)]
        for accepted in range(1, boards + 1):
            strategy = Strategy(min_success=round(accepted / boards, 12), max_failures="100%")
            standing: dict[str, Standing] = {
                name: "accepted" if number < accepted else "failed" for number, name in enumerate(names)
            }
            fewer: dict[str, Standing] = {**standing, names[accepted - 1]: "failed"}
            if round(accepted / boards, 12) <= accepted / boards:
                assert next_action(strategy, View([names], standing, caught_up=True)) == Finish(), (accepted, boards)
            assert next_action(strategy, View([names], fewer)) == TakeBack("too few succeeded")
    strategy = Strategy(min_success=0.55, max_failures=45)
    hundred = {f"p{number}": "accepted" if number < 55 else "failed" for number in range(100)}
    view = View([list(hundred)], hundred, caught_up=True)  # type: ignore[arg-type]
    assert next_action(strategy, view) == Finish()


@pytest.mark.parametrize("wave", [0, 1])
def test_a_wave_waits_for_its_approval_before_its_first_board_and_not_after(wave: int) -> None:
    strategy = Strategy(waves=(WaveTerms(boards=1, approval=wave == 0), WaveTerms(approval=wave == 1)))
    waves = strategy.divide(["p1", "p2", "p3"])
    standing: dict[str, Standing] = dict.fromkeys(["p1", "p2", "p3"], "waiting")
    if wave == 1:
        standing["p1"] = "accepted"
    view = View(waves, standing)
    assert next_action(strategy, view) == AwaitApproval(wave)
    assert next_action(strategy, replace(view, approved=frozenset([1 - wave, -1]))) == AwaitApproval(wave)
    ahead = ("p2", "p3") if wave == 0 else ()
    assert next_action(strategy, replace(view, approved=frozenset([wave]))) == Try(wave, waves[wave], ahead)
    standing.update(p1="accepted", p2="accepted", p3="accepted")
    assert next_action(strategy, View(waves, standing)) == Finish(), "what was done is not asked for again"


def test_a_wave_is_watched_before_the_next_and_the_last_one_too() -> None:
    strategy = Strategy(bake=Bake(seconds=1))
    standing: dict[str, Standing] = {"p1": "accepted", "p2": "waiting"}
    view = View([["p1"], ["p2"]], standing)
    assert next_action(strategy, view) == Watch(0)
    view = replace(view, baked=frozenset([0]))
    assert next_action(strategy, view) == Try(1, ("p2",))
    view = replace(view, standing={"p1": "accepted", "p2": "accepted"})
    assert next_action(strategy, view) == Watch(1)
    assert next_action(strategy, replace(view, regressed=True)) == TakeBack("regressed")
    assert next_action(strategy, replace(view, baked=frozenset([0, 1]))) == Finish()
