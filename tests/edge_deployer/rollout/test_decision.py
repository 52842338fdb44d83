from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.rollout.decision import CatchUp, Finish, Standing, TakeBack, Try, View, next_action
from edge_deployer.rollout.strategy import Strategy

STANDINGS: st.SearchStrategy[Standing] = st.sampled_from(("waiting", "accepted", "failed", "away"))
BEARS_ALL = Strategy(max_failures="100%", min_success=0)


@given(st.lists(STANDINGS, min_size=1, max_size=8), st.booleans())
def test_who_was_away_is_tried_once_more_after_the_last_wave(standings: list[Standing], caught_up: bool) -> None:
    standing = {f"p{number}": found for number, found in enumerate(standings)}
    boards = tuple(standing)
    view = View(waves=(boards[:1], boards[1:]), standing=standing, caught_up=caught_up)
    action = next_action(BEARS_ALL, view)
    if "waiting" in standings:
        assert isinstance(action, Try)
    elif caught_up or not {"away", "failed"} & set(standings):
        assert action == Finish()
    else:
        assert action == CatchUp(tuple(board for board in boards if standing[board] == "away"))


@given(st.lists(STANDINGS, min_size=1, max_size=8))
def test_nobody_who_is_missing_is_borne_by_default(standings: list[Standing]) -> None:
    standing = {f"p{number}": found for number, found in enumerate(standings)}
    action = next_action(Strategy(), View(waves=tuple((board,) for board in standing), standing=standing))
    if "failed" in standings:
        assert action == TakeBack("too many failed")
    assert not isinstance(action, CatchUp)
