"""What becomes of rollouts over a simulated fleet, whatever its boards do, and whatever others want of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.boards.actions import revert
from edge_deployer.boards.bench import HeldBoards
from edge_deployer.boards.journal import Journal
from edge_deployer.boards.record import Step
from edge_deployer.boards.trail import Entry, Trail
from edge_deployer.ending import CutShort
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.inventory.leases import Busy
from edge_deployer.report.words import in_words
from edge_deployer.rollout.controller import RolloutController
from tests.edge_deployer.inventories import write_profile
from tests.edge_deployer.rollout.killed_controllers import killed
from tests.edge_deployer.rollout.simulated_fleet import Character, Effect, Fault, SimulatedSession
from tests.edge_deployer.rollout.simulated_rollouts import PLAN, Fleet, Releases, strategy, terms, what_is_wrong
from tests.processes import DEADLINE_S


class OnStep:
    """Does something at the first step of a kind that a board takes."""

    def __init__(self, board: str, action: str, then: Callable[[], object]) -> None:
        self._wanted, self._then, self._is_done = (board, action), then, False

    def on_step(self, step: Step) -> None:
        if not self._is_done and (step.board, step.action) == self._wanted:
            self._is_done = True
            self._then()

    def on_progress(self, board: str, action: str, done: int, total: int) -> None:
        """Nothing comes of it."""


@pytest.fixture
def fleet(fleet_folder: Path, releases: Releases) -> Fleet:
    return Fleet(fleet_folder, releases).make()


def faulty(fleet: Fleet, **characters: Character) -> Fleet:
    return replace(fleet, characters=characters)


def silent(request: str, first: int = 1, times: int = 10_000) -> Character:
    return Character((Fault(request, first, "silent", times),))


async def cancelled_at(fleet: Fleet, board: str, action: str, **given: object) -> None:
    """Start a rollout and cancel it at a step of a board."""
    own = asyncio.current_task()
    assert own is not None
    with closing(RolloutController(fleet.bench, OnStep(board, action, lambda: task.cancel()))) as controller:
        task = asyncio.ensure_future(controller.start(fleet.releases.bundles[fleet.releases.wanted], terms(**given)))
        with pytest.raises(CutShort):
            await task


async def test_a_release_goes_over_all_boards(fleet: Fleet, releases: Releases) -> None:
    progress = await fleet.start(releases.wanted)
    assert progress.outcome == "promoted"
    assert set(fleet.kept().values()) == {releases.wanted}
    assert what_is_wrong(fleet) == []


@pytest.mark.parametrize("action", ["install", "examine", "confirm"])
@pytest.mark.parametrize("board", ["s1", "p1", "p4", "p11"])
async def test_a_cancelled_push_takes_all_boards_back(
    fleet: Fleet, releases: Releases, board: str, action: str
) -> None:
    await cancelled_at(fleet, board, action, takes_back=True)
    assert set(fleet.kept().values()) == {releases.before}
    assert what_is_wrong(fleet) == []


async def test_a_cancelled_rollout_stands_with_what_is_confirmed_and_goes_on(fleet: Fleet, releases: Releases) -> None:
    await cancelled_at(fleet, "p3", "examine")
    (paused,) = fleet.history()
    assert paused.state == "paused"
    kept = fleet.kept()
    assert {kept[name] for name in ("s1", "p1")} == {releases.wanted}
    assert {kept[name] for name in fleet.production[1:]} == {releases.before}
    assert {name: record.image_after for name, record in paused.records.items()} == kept
    assert (await fleet.resume()).outcome == "promoted"
    assert set(fleet.kept().values()) == {releases.wanted}
    assert what_is_wrong(fleet) == []


async def test_a_refusal_of_a_board_that_a_pause_took_back_takes_it_back_once_more(
    fleet: Fleet, releases: Releases
) -> None:
    await cancelled_at(fleet, "p3", "examine")
    progress = await faulty(fleet, p3=Character(wrong=True)).resume()
    assert (progress.outcome, progress.gate) == ("refused", "production")
    assert set(fleet.kept().values()) == {releases.before}
    assert what_is_wrong(fleet) == []


async def test_a_first_release_stays_on_trial_until_all_boards_have_accepted(
    fleet_folder: Path, releases: Releases
) -> None:
    fleet = Fleet(fleet_folder, releases).make(empty=["s1", "p1", "p2"])
    progress = await faulty(fleet, p11=Character(wrong=True)).start(releases.wanted)
    assert progress.outcome == "refused"
    kept = fleet.kept()
    assert {kept[name] for name in ("s1", "p1", "p2")} == {None}
    assert (await fleet.start(releases.wanted)).outcome == "promoted"
    assert set(fleet.kept().values()) == {releases.wanted}
    assert what_is_wrong(fleet) == []


async def test_a_first_release_that_a_pause_took_back_is_given_again(fleet_folder: Path, releases: Releases) -> None:
    fleet = Fleet(fleet_folder, releases).make(empty=["p1"])
    await cancelled_at(fleet, "p3", "examine")
    assert fleet.kept()["p1"] is None
    assert fleet.history()[0].standing["p1"] == "waiting"
    assert (await fleet.resume()).outcome == "promoted"
    assert set(fleet.kept().values()) == {releases.wanted}
    assert what_is_wrong(fleet) == []


async def test_a_failure_that_is_tolerated_is_taken_back_and_counts(fleet: Fleet, releases: Releases) -> None:
    tolerant = strategy(max_failures=1)
    one = faulty(fleet, p3=Character(wrong=True))
    progress = await one.start(releases.wanted, strategy=tolerant)
    assert (progress.outcome, progress.failures, progress.standing["p3"]) == ("promoted", 1, "failed")
    assert [name for name, image in one.kept().items() if image != releases.wanted] == ["p3"]
    assert one.kept()["p3"] == releases.before
    assert what_is_wrong(one) == []
    two = faulty(fleet, p3=Character(wrong=True), p7=Character(wrong=True))
    assert (await two.start(releases.other, strategy=tolerant)).outcome == "refused"
    assert what_is_wrong(two) == []


async def test_a_board_that_falls_silent_with_the_release_is_quarantined_where_its_peers_accept(
    fleet: Fleet, releases: Releases
) -> None:
    one = faulty(fleet, p3=silent("*", first=16))
    progress = await one.start(releases.wanted, strategy=strategy(max_failures=1, min_success=0.5))
    assert (progress.outcome, progress.standing["p3"]) == ("promoted", "failed")
    assert list(one.bench.quarantine.boards()) == ["p3"]
    assert progress.records["p3"].answer == "silent"
    assert what_is_wrong(one) == []


async def test_a_board_that_comes_back_before_the_end_is_given_what_it_had(fleet: Fleet, releases: Releases) -> None:
    one = faulty(fleet, p3=silent("*", first=16, times=3))
    progress = await one.start(releases.wanted, strategy=strategy(max_failures=1, min_success=0.5, retries=1))
    assert (progress.standing["p3"], progress.records["p3"].outcome) == ("failed", "reverted")
    assert one.kept()["p3"] == releases.before
    assert what_is_wrong(one) == []


async def test_a_board_that_falls_silent_while_it_is_taken_back_is_tried_again(
    fleet: Fleet, releases: Releases
) -> None:
    one = faulty(fleet, p1=silent("reset", first=2, times=1), p2=Character(wrong=True))
    progress = await one.start(releases.wanted)
    assert (progress.outcome, progress.records["p1"].outcome) == ("refused", "rolled back")
    assert set(one.kept().values()) == {releases.before}
    assert what_is_wrong(one) == []


async def test_a_board_that_is_only_put_to_rest_was_given_nothing(fleet: Fleet, releases: Releases) -> None:
    with fleet.devices.flash("p9") as flash:
        flash.primary, flash.spare, flash.on_trial = releases.other, releases.before, True
    progress = await faulty(fleet, p1=Character(wrong=True)).start(releases.wanted)
    assert (progress.outcome, progress.touched) == ("refused", {"s1", "p1"})
    assert progress.records["p9"].outcome == "untouched"
    assert set(fleet.kept().values()) == {releases.before}
    assert what_is_wrong(fleet) == []


@pytest.mark.parametrize("retries", [0, 2])
async def test_an_answer_that_nobody_heard_is_no_failure(fleet: Fleet, releases: Releases, retries: int) -> None:
    requests = ("open", "install", "upload", "test", "reset", "confirm", "infer", "images")
    one = faulty(
        fleet,
        **{
            f"p{number}": Character((Fault(request, 2 if request in ("open", "images") else 1, "unanswered"),))
            for number, request in enumerate(requests, 1)
        },
    )
    progress = await one.start(releases.wanted, strategy=strategy(retries=retries, max_failures="100%", min_success=0))
    assert progress.outcome == "promoted"
    if retries:
        assert set(one.kept().values()) == {releases.wanted}
        assert {record.outcome for record in progress.records.values()} == {"confirmed"}
    assert what_is_wrong(one) == []


async def test_what_an_attempt_found_out_is_forgotten_of_a_board_that_is_then_away(
    fleet: Fleet, releases: Releases
) -> None:
    """Its evidence says that the board refuses, and it was given nothing: replayed, that would be another reason."""
    one = faulty(fleet, p1=Character((Fault("images", 3, "silent"), Fault("open", 3, "silent", 10_000))))
    progress = await one.start(releases.wanted, strategy=strategy(retries=1))
    assert (progress.outcome, progress.standing["p1"], progress.records["p1"].evidence) == ("refused", "away", None)
    assert what_is_wrong(one) == []


async def test_a_wave_may_be_short_of_boards_where_the_pool_is_not(fleet: Fleet, releases: Releases) -> None:
    await fleet.start(releases.wanted)
    one = faulty(fleet, p1=Character(wrong=True))
    plan = PLAN.model_copy(update={"golden_vectors": 4})
    bearing = strategy(max_failures=1, min_success=0.3)
    progress = await one.start(releases.wanted, acceptance=plan, strategy=bearing)
    assert progress.reason is not None
    assert (progress.outcome, progress.reason.code) == ("refused", "production.too_few_succeeded")
    assert what_is_wrong(one) == []


async def test_what_staging_said_to_who_was_stopped_is_no_part_of_what_it_says_again(
    fleet_folder: Path, releases: Releases
) -> None:
    fleet = Fleet(fleet_folder, releases, staging=("s1", "s2", "s3")).make()
    await cancelled_at(fleet, "s1", "confirm")
    (stopped,) = fleet.history()
    assert stopped.staging is not None
    assert stopped.staging.accepted == ("s1", "s2", "s3")
    assert all(stopped.records[name].evidence for name in fleet.staging)
    progress = await faulty(fleet, s3=silent("open")).resume()
    assert progress.outcome == "promoted"
    assert progress.staging is not None
    assert progress.staging.accepted == ("s1", "s2")
    assert progress.records["s3"].evidence is None
    assert what_is_wrong(faulty(fleet, s3=silent("open"))) == []


async def test_absent_boards_are_borne_only_by_who_bears_them_and_catch_up(fleet: Fleet, releases: Releases) -> None:
    away = faulty(fleet, p5=silent("open"))
    refused = await away.start(releases.wanted)
    assert (refused.outcome, refused.gate, refused.touched) == ("refused", "boards", set())
    progress = await away.start(releases.wanted, strategy=strategy(min_success=0.5))
    assert (progress.outcome, progress.standing["p5"]) == ("promoted", "away")
    # They have the release: what would be wrong with their answers now is not asked.
    again = replace(fleet, characters={"p1": silent("infer"), "p2": silent("install")})
    progress = await again.start(releases.wanted)
    assert (progress.outcome, progress.touched) == ("promoted", {"p5"})
    assert set(again.kept().values()) == {releases.wanted}
    assert (await again.start(releases.wanted)).outcome == "unchanged"
    assert what_is_wrong(again) == []


async def test_a_board_that_was_away_is_tried_once_more_at_the_end(fleet: Fleet, releases: Releases) -> None:
    one = faulty(fleet, p2=silent("open", times=4))
    progress = await one.start(releases.wanted, strategy=strategy(min_success=0.5, retries=1))
    assert (progress.outcome, progress.standing["p2"]) == ("promoted", "accepted")
    assert set(one.kept().values()) == {releases.wanted}
    assert what_is_wrong(one) == []


async def test_a_board_that_joins_later_gets_the_release_alone(fleet: Fleet, releases: Releases) -> None:
    await fleet.start(releases.wanted)
    grown = replace(fleet, production=(*fleet.production, "p12"))
    progress = await grown.start(releases.wanted)
    assert (progress.outcome, progress.touched) == ("promoted", {"p12"})
    assert what_is_wrong(grown) == []


@pytest.mark.parametrize("wish", ["pause", "abort"])
async def test_a_wish_is_heard_before_the_next_board(fleet: Fleet, releases: Releases, wish: str) -> None:
    asked: list[asyncio.Task[object]] = []

    async def ask() -> object:
        with closing(RolloutController(fleet.bench)) as other:
            if wish == "pause":
                return other.pause("r1", "somebody", "to see")
            return await other.turn_back("r1", "abort", "somebody", "to see")

    watcher = OnStep("p1", "install", lambda: asked.append(asyncio.ensure_future(ask())))
    with closing(RolloutController(fleet.bench, watcher)) as controller:
        progress = await controller.start(releases.bundles[releases.wanted], terms())
    await asyncio.gather(*asked)
    assert progress.touched == {"s1", "p1"}
    if wish == "abort":
        assert (progress.outcome, set(fleet.kept().values())) == ("refused", {releases.before})
        assert what_is_wrong(fleet) == []
    else:
        assert progress.state == "paused"
        assert (await fleet.resume()).outcome == "promoted"
        assert what_is_wrong(fleet) == []


def intents(fleet: Fleet, action: str) -> list[str]:
    """The boards with which it was intended, in order."""
    with closing(Trail(fleet.bench.fleet)) as trail:
        return [entry.board for entry in trail.entries(kind="intent") if entry.content["action"] == action]


async def test_the_release_waits_on_the_boards_of_the_next_wave_and_on_no_other(
    fleet: Fleet, releases: Releases
) -> None:
    refused = await faulty(fleet, p1=Character(wrong=True)).start(releases.wanted)
    assert (refused.outcome, refused.touched) == ("refused", {"s1", "p1"})
    waves = refused.plan.waves
    assert sorted(intents(fleet, "load")) == sorted(waves[1])
    for name in fleet.production[1:]:
        flash = fleet.devices.read(name)
        assert (flash.primary, flash.at_rest, flash.boots) == (releases.before, True, 1)
        assert flash.spare == (releases.wanted if name in waves[1] else "")
    assert what_is_wrong(fleet) == []
    assert (await fleet.start(releases.wanted)).outcome == "promoted"
    assert sorted(intents(fleet, "load")) == sorted([*waves[1], *waves[2]]), "what is there is not brought again"
    assert all(fleet.devices.read(name).uploads == {releases.wanted: 1} for name in waves[1])


async def test_what_was_only_brought_ahead_is_not_what_a_board_goes_back_to(fleet: Fleet, releases: Releases) -> None:
    await faulty(fleet, p1=Character(wrong=True)).start(releases.wanted)
    assert fleet.devices.read("p3").spare == releases.wanted
    outcome = await revert(fleet.bench, fleet.bench.entry("p3"), OnStep("p3", "", lambda: None))
    assert outcome.refused
    assert "and which the board has never run" in in_words(outcome.finding)
    assert fleet.kept()["p3"] == releases.before
    promoted = await fleet.start(releases.wanted)
    assert promoted.outcome == "promoted"
    outcome = await revert(fleet.bench, fleet.bench.entry("p3"), OnStep("p3", "", lambda: None))
    assert (outcome.result, fleet.kept()["p3"]) == ("reverted", releases.before)


@pytest.mark.parametrize("effect", ["in use", "silent", "refuses"])
@pytest.mark.parametrize("request_name", ["open", "images", "install", "upload"])
async def test_a_board_that_does_not_take_the_release_ahead_is_tried_in_its_turn(
    fleet: Fleet, releases: Releases, effect: Effect, request_name: str
) -> None:
    first = {"open": 2, "images": 3}.get(request_name, 1)
    one = faulty(fleet, p3=Character((Fault(request_name, first, effect),)))
    assert (await one.start(releases.wanted)).outcome == "promoted"
    steps = [step.detail for step in one.history()[-1].steps if (step.board, step.action) == ("p3", "load")]
    assert steps[-1].startswith("could not be brought ahead: ")
    assert set(one.kept().values()) == {releases.wanted}
    assert what_is_wrong(one) == []


async def test_no_board_is_revived_to_be_given_the_release_ahead(
    fleet: Fleet, releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session with a journal would have its power cycled: it runs something, and nobody would give it up yet."""
    opened: list[tuple[str, bool]] = []
    session = HeldBoards.session

    def spied(held: HeldBoards, entry: BoardEntry, journal: Journal | None = None, **more: bool) -> Any:
        opened.append((entry.name, journal is not None))
        return session(held, entry, journal, **more)

    monkeypatch.setattr(HeldBoards, "session", spied)
    await faulty(fleet, p1=Character(wrong=True)).start(releases.wanted)
    assert [revives for name, revives in opened if name == "p3"] == [True, False]


async def test_what_is_brought_ahead_holds_nothing_up_once_the_rollout_stops(fleet: Fleet, releases: Releases) -> None:
    one = faulty(fleet, p1=Character(wrong=True), p3=Character((Fault("upload", 1, "hangs"),)))
    refused = await asyncio.wait_for(one.start(releases.wanted), DEADLINE_S)
    assert refused.outcome == "refused"
    assert set(one.kept().values()) == {releases.before}
    assert what_is_wrong(one) == []


@pytest.mark.parametrize("at_once", [1, 3])
async def test_no_more_boards_are_worked_on_at_once_than_the_strategy_says(
    fleet: Fleet, releases: Releases, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, now, open_board, close = 0, set[str](), SimulatedSession.__aenter__, SimulatedSession.__aexit__

    async def opening(session: SimulatedSession) -> SimulatedSession:
        nonlocal most
        now.add(session.url)
        most = max(most, len(now - {"socket://s1:1"}))
        return await open_board(session)

    async def closing_it(session: SimulatedSession, *how: Any) -> None:
        now.discard(session.url)
        await close(session, *how)

    monkeypatch.setattr(SimulatedSession, "__aenter__", opening)
    monkeypatch.setattr(SimulatedSession, "__aexit__", closing_it)
    assert (await fleet.start(releases.wanted, strategy=strategy(concurrency=at_once))).outcome == "promoted"
    assert most == at_once
    assert intents(fleet, "load")


async def test_one_controller_at_a_time(fleet: Fleet, releases: Releases) -> None:
    refusals: list[asyncio.Task[object]] = []

    async def intrude() -> None:
        with closing(RolloutController(fleet.bench)) as other:
            for work in (other.start(releases.bundles[releases.other], terms()), other.resume("r1")):
                with pytest.raises(Busy, match=r"in use by a test"):
                    await work

    watcher = OnStep("p1", "install", lambda: refusals.append(asyncio.ensure_future(intrude())))
    with closing(RolloutController(fleet.bench, watcher)) as controller:
        progress = await controller.start(releases.bundles[releases.wanted], terms())
    await asyncio.gather(*refusals)
    assert len(refusals) == 1
    assert progress.outcome == "promoted"
    assert what_is_wrong(fleet) == []


async def test_a_push_is_not_paused(fleet: Fleet, releases: Releases) -> None:
    said: list[str] = []

    def pause() -> None:
        with closing(RolloutController(fleet.bench)) as other, pytest.raises(TinyopsError) as refused:
            other.pause("r1", "somebody", "")
        said.append(refused.value.message)

    with closing(RolloutController(fleet.bench, OnStep("p1", "install", pause))) as controller:
        progress = await controller.start(releases.bundles[releases.wanted], terms(takes_back=True))
    assert progress.outcome == "promoted"
    assert said == ["rollout r1 is a push, which either ends or is taken back"]


def with_small_boards(fleet: Fleet) -> RolloutController:
    """A controller whose inventory says that no release fits the boards."""
    small = {"profile": str(write_profile(fleet.folder, "small", arena_bytes=1))}
    boards = tuple(entry.model_copy(update=small) for entry in fleet.bench.inventory.boards)
    return RolloutController(
        replace(fleet.bench, inventory=fleet.bench.inventory.model_copy(update={"boards": boards}))
    )


async def test_boards_that_a_release_fits_no_more_are_taken_back_when_its_rollout_goes_on(
    fleet: Fleet, releases: Releases
) -> None:
    await cancelled_at(fleet, "p3", "examine")
    with closing(with_small_boards(fleet)) as controller:
        progress = await controller.resume("r1")
    assert (progress.outcome, progress.gate) == ("refused", "boards")
    assert set(fleet.kept().values()) == {releases.before}
    assert what_is_wrong(fleet) == []


@pytest.mark.parametrize("name", ["wanted", "other"])
def test_what_a_killed_controller_left_is_settled_before_a_release_that_fits_no_board_is_refused(
    fleet: Fleet, releases: Releases, name: str
) -> None:
    assert killed(fleet, 60, "after")
    with closing(with_small_boards(fleet)) as controller:
        bundle = releases.bundles[getattr(releases, name)]
        progress = asyncio.run(controller.start(bundle, terms()))
    assert (progress.outcome, progress.gate) == ("refused", "boards")
    assert set(fleet.kept().values()) == {releases.before}
    assert what_is_wrong(fleet) == []


async def test_a_rollback_that_finds_the_boards_held_says_so(fleet: Fleet, releases: Releases) -> None:
    await fleet.start(releases.wanted)
    with closing(RolloutController(fleet.bench)) as controller:
        async with fleet.bench.hold(fleet.bench.inventory.boards[:1], "boards probe", changes=False):
            with pytest.raises(Busy, match=r"s1 is in use by boards probe"):
                await controller.turn_back("r1", "rollback", "somebody", "to see")
        progress = await controller.turn_back("r1", "rollback", "somebody", "to see")
    assert progress.outcome == "refused"
    assert set(fleet.kept().values()) == {releases.before}
    assert what_is_wrong(fleet) == []


@pytest.mark.parametrize("number", [2, 9, 23, 41, 70])
async def test_a_trail_that_cannot_be_written_any_more_stops_all_until_it_can(
    fleet: Fleet, releases: Releases, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As of a full disk: no board is changed without an entry, and whoever comes next goes on."""
    append, written = Trail.append, 0

    def full(self: Trail, *given: Any, **named: Any) -> Entry:
        nonlocal written
        written += 1
        if written >= number:
            raise TinyopsError("the trail cannot be used: database or disk is full", remedy="free its disk")
        return append(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Trail, "append", full)
        with pytest.raises(TinyopsError, match="disk is full"):
            await fleet.start(releases.wanted)
    with closing(Trail(fleet.bench.fleet)) as trail:
        intended = [entry.board for entry in trail.entries(kind="intent")]
    changed = [name for name in fleet.boards if fleet.devices.read(name).uploads.get(releases.wanted)]
    assert set(changed) <= set(intended)
    assert (await fleet.start(releases.wanted)).outcome == "promoted"
    assert set(fleet.kept().values()) == {releases.wanted}
    assert what_is_wrong(fleet) == []
