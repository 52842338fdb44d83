"""A rollout on record: whoever reads the trail knows what its writer knew, and what others have asked for is heard."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.boards.record import BoardOutcome, BoardRecord, Step
from edge_deployer.boards.trail import Trail, unfinished_rollout
from edge_deployer.files import DamagedFile
from edge_deployer.finding import Finding, Told
from edge_deployer.release.manifest import Manifest, Provenance
from edge_deployer.rollout.decision import Standing, Wish
from edge_deployer.rollout.deployment import Gate, Outcome, ReleaseRecord
from edge_deployer.rollout.record import Progress, RolloutLog, RolloutPlan, State, begin, rollouts, unfinished
from edge_deployer.rollout.refusals import BoardInTrouble, TakenBack
from edge_deployer.rollout.strategy import Strategy
from tests.edge_deployer.rollout.timed_evidence import evidence

WAVES = (("p1",), ("p2", "p3"))
PLAN = RolloutPlan(
    id="r1",
    release=ReleaseRecord(
        release_id="1.0.0+1",
        image_hash="ab" * 32,
        image_bytes=1000,
        manifest=Manifest(
            name="identity",
            version="1.0.0+1",
            model_sha256="cd" * 32,
            model_bytes=500,
            arena_bytes=None,
            board_profile="cortex-m4",
            provenance=Provenance(),
            metrics={"accuracy": 0.1},
            parts={},
        ),
    ),
    acceptance=AcceptancePlan(),
    strategy=Strategy(),
    staging=("s1",),
    waves=WAVES,
    by="a test",
)

_words = st.text(max_size=5)
_findings: st.SearchStrategy[Finding] = st.builds(Told, text=_words) | st.builds(
    BoardInTrouble, board=_words, message=_words, help=_words
)
_boards = st.sampled_from(PLAN.boards)
_records = st.builds(
    BoardRecord,
    name=st.sampled_from(PLAN.production),
    pool=st.just("production"),
    profile=st.just("cortex-m4"),
    virtual=st.booleans(),
    image_before=st.none() | _words,
    outcome=st.sampled_from(get_args(BoardOutcome)),
    evidence=st.none() | st.lists(st.none() | st.integers(0, 100), max_size=3).map(evidence),
    quarantined=st.none() | _findings,
    install_seconds=st.none() | st.floats(0, 1e6),
)
_ends = st.fixed_dictionaries(
    {
        "gate": st.none() | st.sampled_from(get_args(Gate)),
        "reason": st.none() | _findings,
        "outcome": st.sampled_from(get_args(Outcome)),
    }
)
_said = {"who": _words, "why": _words}
_own = st.one_of(
    st.tuples(st.just("intent"), _boards),
    st.tuples(st.just("step"), _boards, _words, st.none() | _findings),
    st.tuples(st.just("settle"), _records, st.none() | st.sampled_from(get_args(Standing))),
    st.tuples(st.just("state"), st.sampled_from(get_args(State)[:-1]), st.none() | st.integers(-1, 1)),
    st.tuples(st.just("turn back"), _ends),
    st.tuples(st.just("end"), _ends),
    st.tuples(st.just("staging judged"), st.lists(_words, max_size=2), st.lists(_records, max_size=2)),
    st.tuples(st.just("staging again")),
    st.tuples(st.just("staging accepted"), st.lists(_words, max_size=2)),
    st.tuples(st.just("watched"), st.integers(0, 1)),
    st.tuples(st.just("regressed"), _findings),
)
_others = st.one_of(
    st.tuples(st.just("wish"), st.fixed_dictionaries({"wish": st.none() | st.sampled_from(get_args(Wish)), **_said})),
    st.tuples(st.just("approved"), st.fixed_dictionaries({"wave": st.integers(-1, 1), **_said})),
    st.tuples(st.just("by hand")),
)


def accepting(boards: Sequence[str]) -> PoolVerdict:
    return PoolVerdict(decision="accepted", accepted=tuple(boards), quarantined={}, quorum=1)


def write(log: RolloutLog, kind: str, *given: Any) -> None:
    """What who carries a rollout out writes down."""
    match kind, *given:
        case "intent", board:
            log.write("intent", {"action": "put on trial"}, board)
        case "step", board, action, finding:
            step = Step(at=datetime.now(timezone.utc), board=board, action=action, finding=finding)
            log.write("step", step.model_dump(mode="json"), board)
        case "settle", record, standing:
            log.settle(record, standing)
        case "state", state, wave:
            log.state(state, wave=wave)
        case "turn back", end:
            log.turn_back(**end)
        case "end", end:
            log.end(**end)
        case _:
            write_what_was_found(log, kind, *given)


def write_what_was_found(log: RolloutLog, kind: str, *given: Any) -> None:
    match kind, *given:
        case "staging judged", accepted, records:
            log.judge(accepting(accepted), records)
        case ("staging again",):
            log.write(kind, {})
        case "staging accepted", accepted:
            log.write(kind, accepting(accepted).model_dump(mode="json"))
        case "watched", wave:
            log.write(kind, {"wave": wave})
        case "regressed", finding:
            log.write(kind, {"finding": finding.model_dump(mode="json")})


def write_elsewhere(folder: Path, kind: str, *given: Any) -> None:
    """What another process writes meanwhile, of the rollout or of something else."""
    trail = Trail(folder)
    if kind == "by hand":
        trail.write("intent", {"action": "boot"}, "p1")
    else:
        trail.append(kind, given[0], rollout="r1")
    trail.close()


def read(folder: Path) -> Progress:
    trail = Trail(folder)
    (progress,) = rollouts(trail)
    left = unfinished(trail)
    assert left == (None if progress.state == "ended" else progress)
    assert unfinished_rollout(trail) == (None if left is None else ("r1", frozenset(PLAN.boards)))
    trail.close()
    return progress


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RolloutLog]:
    trail = Trail(tmp_path)
    yield begin(trail, PLAN)
    trail.close()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), _own) | st.tuples(st.none(), _others), max_size=12))
def test_whoever_reads_the_trail_knows_what_its_writer_knows(
    entries: list[tuple[bool | None, tuple[Any, ...]]],
) -> None:
    # In memory: each entry is synced.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        trail = Trail(folder)
        log = begin(trail, PLAN)
        assert log.progress == read(folder)
        for hears, entry in entries:
            if hears is None:
                write_elsewhere(folder, *entry)
            else:
                write(log, *entry)
                if hears:
                    log.hear()
        heard, known = log.hear(), read(folder)
        assert log.progress == known
        assert heard == known.wish
        assert log.progress.failures == list(log.progress.standing.values()).count("failed")
        trail.close()


@pytest.mark.parametrize("settles", [True, False])
def test_what_somebody_asked_for_just_before_an_entry_of_ones_own_is_heard(
    log: RolloutLog, tmp_path: Path, settles: bool
) -> None:
    write_elsewhere(tmp_path, "wish", {"wish": "abort", "who": "Ada", "why": "it is slow"})
    if settles:
        log.settle(BoardRecord(name="p1", pool="production", profile="cortex-m4", virtual=True), "accepted")
    else:
        log.write("intent", {"action": "confirm"}, "p1")
    assert log.hear() == log.progress.view.wish == "abort"
    assert log.progress.wished["who"] == "Ada"


def test_a_pause_is_done_once_it_stands_and_an_abort_once_it_has_ended(log: RolloutLog) -> None:
    log.write("wish", {"wish": "pause", "who": "Ada", "why": ""})
    log.state("paused")
    assert (log.hear(), log.progress.state) == (None, "paused")
    log.write("wish", {"wish": "abort", "who": "Ada", "why": ""})
    log.state("running")
    log.turn_back("production", TakenBack(wish="abort", who="Ada", why=""), "refused")
    assert log.hear() == "abort"
    assert (log.progress.turned_back, log.progress.state) == (True, "running")
    log.end("refused", "production", TakenBack(wish="abort", who="Ada", why=""))
    assert log.hear() is None
    assert (log.progress.outcome, log.progress.gate) == ("refused", "production")


def test_a_board_is_touched_once_it_is_to_be_given_something(log: RolloutLog) -> None:
    assert log.progress.view.standing == dict.fromkeys(PLAN.production, "waiting")
    write(log, "step", "p1", "probe", None)
    log.write("intent", {"action": "take back"}, "p1")
    assert log.progress.touched == set()
    log.write("intent", {"action": "put on trial"}, "p1")
    assert log.progress.touched == {"p1"}


def test_rollouts_are_told_apart(log: RolloutLog, tmp_path: Path) -> None:
    log.end("promoted")
    trail = Trail(tmp_path)
    second = begin(trail, PLAN.model_copy(update={"id": "r2"}))
    log.write("wish", {"wish": "rollback", "who": "Ada", "why": ""})
    assert second.hear() is None
    second.state("paused")
    assert [progress.plan.id for progress in rollouts(trail)] == ["r1", "r2"]
    assert [progress.wish for progress in rollouts(trail)] == ["rollback", None]
    left = unfinished(trail)
    assert left is not None
    assert (left.plan.id, left.state) == ("r2", "paused")
    trail.close()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("settled", {}),
        ("settled", {"record": {}, "standing": None}),
        ("wish", {}),
        ("approved", {"wave": "x", "who": "", "why": ""}),
        ("watched", {"wave": []}),
        ("regressed", {"finding": 7}),
        ("state", {"outcome": "promoted"}),
        ("step", {}),
        ("staging accepted", []),
        ("staging judged", {"records": []}),
        ("staging judged", {**accepting(["s1"]).model_dump(mode="json"), "records": [{}]}),
    ],
)
def test_an_entry_that_makes_no_sense_is_named(log: RolloutLog, tmp_path: Path, kind: str, body: Any) -> None:
    write_elsewhere(tmp_path, kind, body)
    with pytest.raises(DamagedFile, match=rf"entry 2 of the trail \({kind}\) cannot be read") as raised:
        rollouts(Trail(tmp_path))
    assert "tinyops audit verify" in raised.value.remedy
    with pytest.raises(DamagedFile, match="entry 2 of the trail"):
        log.hear()


def test_a_plan_that_makes_no_sense_is_named(log: RolloutLog, tmp_path: Path) -> None:
    log.end("promoted")
    trail = Trail(tmp_path)
    trail.append("begun", {"id": "r2"}, rollout="r2")
    for look in (rollouts, unfinished):
        with pytest.raises(DamagedFile, match=r"entry 3 of the trail \(begun\) cannot be read"):
            look(trail)
    trail.close()
