"""Whole deployments on virtual boards: what is promoted, what is refused, and what the boards run afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
import fcntl
import os
import pty
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge_deployer.acceptance.checks.accuracy import Accuracy
from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.boards.record import Step
from edge_deployer.errors import TinyopsError
from edge_deployer.locks import exclusive
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import Bundle, Candidate
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.samples import LabelledSamples
from edge_deployer.release.store import ReleaseStore
from edge_deployer.release.validation import validate_model
from edge_deployer.report.replay import replay
from edge_deployer.report.words import headline, remedy
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.release_line import ReleaseLine
from edge_deployer.session import SessionError
from tests.edge_deployer.candidates import MakeCandidate, one_hot_samples, with_wrong_reference
from tests.edge_deployer.inventories import FAST, virtual, write_inventory, write_profile
from tests.edge_deployer.outcomes import assert_outcome
from tests.edge_deployer.sessions import session_with
from tests.edge_deployer.tiny_models import float_classifier
from tests.edge_deployer.virtual_board.running_board import running_board

PLAN = AcceptancePlan(accuracy=Accuracy(floor=0.9, margin=0.15))
NO_SLOW_BOARDS = AcceptancePlan(budgets={"fast": Budget(latency_p95_us=1000), "crawling": Budget(latency_p95_us=1000)})


@pytest.fixture
def write_boards(tmp_path: Path) -> Callable[..., Path]:
    """Writes inventories of fast virtual boards: one for staging, two for production."""

    def write(slow: str | None = None, **fields: object) -> Path:
        write_profile(tmp_path, "fast", **FAST)
        write_profile(tmp_path, "crawling", **FAST, macs_per_second=1)
        pools = {"s1": "staging", "p1": "production", "p2": "production"}
        profiles = {name: "crawling.yaml" if name == slow else "fast.yaml" for name in pools}
        return write_inventory(tmp_path, [virtual(name, pools[name], profiles[name]) for name in pools], **fields)

    return write


@pytest.fixture
def line(tmp_path: Path, write_boards: Callable[..., Path], signing_key: SigningKey) -> ReleaseLine:
    return ReleaseLine(
        workspace=tmp_path / "workspace",
        inventory=write_boards(),
        signing_key=signing_key.path,
        plan=PLAN,
        version="1.0.0",
        # Models here differ in their number of classes, to differ at all.
        replace=True,
    )


@pytest.fixture(autouse=True)
def every_deployment_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test of this file does to a release, verdicts, outcome and headline follow from the record."""
    push = ReleaseLine.push

    def push_and_replay(self: ReleaseLine, *given: Any, **named: Any) -> tuple[Deployment, Bundle]:
        deployment, bundle = push(self, *given, **named)
        told = [again.differences for again in replay(deployment) if again.same is False]
        assert not told
        return deployment, bundle

    monkeypatch.setattr(ReleaseLine, "push", push_and_replay)


def running(deployment: Deployment) -> dict[str, str | None]:
    return {board.name: board.image_after for board in deployment.boards}


def outcomes(deployment: Deployment) -> dict[str, str]:
    return {board.name: board.outcome for board in deployment.boards}


def test_a_good_release_is_promoted_and_pushing_it_again_changes_nothing(
    line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    first, bundle = line.push(make_candidate(4))
    assert_outcome(first, "promoted")
    assert set(outcomes(first).values()) == {"confirmed"}
    assert set(running(first).values()) == {bundle.image.hash.hex()}
    store = ReleaseStore(line.workspace / "releases")
    assert store.in_production() == [bundle.image.hash.hex()]
    recorded = store.history(bundle.image.hash.hex())
    again, _ = line.push(make_candidate(4))
    assert_outcome(again, "unchanged")
    assert store.history(bundle.image.hash.hex()) == recorded
    assert {board.outcome for board in again.boards if board.pool == "production"} == {"unchanged"}
    assert not again.steps
    assert all(board.verdict for board in again.boards), "the evidence of the promotion is shown again"


def test_a_release_that_was_there_before_is_promoted_again_and_not_built_anew(
    line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    _, first = line.push(make_candidate(4))
    second, _ = line.push(make_candidate(4, name="another"))
    assert_outcome(second, "promoted")
    # The staging board ran the first one, so it was asked before the second took its place.
    assert second.boards[0].verdict is not None
    against = next(check for check in second.boards[0].verdict.checks if check.name == "against_production")
    assert (against.status, against.measured) == ("passed", 0.0)
    back, bundle = line.push(make_candidate(4))
    assert_outcome(back, "promoted")
    assert bundle.image.hash == first.image.hash
    assert set(running(back).values()) == {first.image.hash.hex()}


def test_a_release_that_fails_staging_never_reaches_production(
    line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    earlier, bundle = line.push(make_candidate(4))
    assert earlier.pushed
    refused, _ = line.push(with_wrong_reference(make_candidate(5)))
    assert_outcome(refused, "refused", at="staging")
    assert "labels" in headline(refused)
    assert outcomes(refused) == {"s1": "reverted", "p1": "untouched", "p2": "untouched"}
    assert not [step for step in refused.steps if step.board != "s1"]
    assert set(running(refused).values()) == {bundle.image.hash.hex()}


def test_a_release_that_fails_on_a_production_board_is_taken_back_everywhere(
    line: ReleaseLine, make_candidate: MakeCandidate, write_boards: Callable[..., Path]
) -> None:
    earlier, bundle = line.push(make_candidate(4))
    assert earlier.pushed
    strict = dataclasses.replace(line, plan=NO_SLOW_BOARDS, inventory=write_boards(slow="p2"))
    refused, _ = strict.push(make_candidate(5))
    assert_outcome(refused, "refused", at="production")
    assert "p2: latency" in headline(refused)
    assert outcomes(refused) == {"s1": "rolled back", "p1": "rolled back", "p2": "reverted"}
    assert set(running(refused).values()) == {bundle.image.hash.hex()}
    write_boards()
    after, _ = line.push(make_candidate(4))
    assert_outcome(after, "unchanged")


def test_a_roll_back_that_is_interrupted_goes_on(
    line: ReleaseLine, make_candidate: MakeCandidate, write_boards: Callable[..., Path]
) -> None:
    earlier, bundle = line.push(make_candidate(4))
    assert earlier.pushed

    class Interrupted(Exception):
        pass

    class PressesCtrlC:
        def on_step(self, step: Step) -> None:
            if step.action == "rolled back" and step.board == "s1":
                raise Interrupted

        def on_progress(self, board: str, action: str, done: int, total: int) -> None:
            pass

    strict = dataclasses.replace(line, plan=NO_SLOW_BOARDS, inventory=write_boards(slow="p2"))
    with pytest.raises(Interrupted):
        strict.push(make_candidate(5), PressesCtrlC())
    write_boards()
    after, _ = line.push(make_candidate(4))
    assert_outcome(after, "unchanged")
    assert {board.image_before for board in after.boards} == {bundle.image.hash.hex()}


def test_a_first_release_that_a_later_board_refuses_stays_on_no_board(
    line: ReleaseLine, make_candidate: MakeCandidate, write_boards: Callable[..., Path]
) -> None:
    strict = dataclasses.replace(line, plan=NO_SLOW_BOARDS, inventory=write_boards(slow="p2"))
    refused, _ = strict.push(make_candidate(4))
    assert_outcome(refused, "refused", at="production")
    assert set(outcomes(refused).values()) == {"reverted"}
    assert set(running(refused).values()) == {None}


def test_a_plan_that_has_changed_is_applied_to_a_release_that_production_runs(
    line: ReleaseLine, make_candidate: MakeCandidate, write_boards: Callable[..., Path]
) -> None:
    first, bundle = line.push(make_candidate(4))
    assert first.pushed
    examined, _ = dataclasses.replace(line, plan=AcceptancePlan()).push(make_candidate(4))
    assert_outcome(examined, "unchanged")
    assert {step.action for step in examined.steps} == {"examine", "accepted", "power cycle"}
    # So is a release whose record nobody can read any more.
    (bundle.folder / "deployment.json").write_text('{"outcome": "promoted"}')
    again, _ = dataclasses.replace(line, plan=AcceptancePlan()).push(make_candidate(4))
    assert_outcome(again, "unchanged")
    assert "examine" in {step.action for step in again.steps}
    slow_board = dataclasses.replace(line, plan=NO_SLOW_BOARDS, inventory=write_boards(slow="p2"))
    refused, _ = slow_board.push(make_candidate(4))
    assert_outcome(refused, "refused", at="production")
    assert "p2: latency" in headline(refused)
    assert set(running(refused).values()) == {bundle.image.hash.hex()}


def test_an_image_that_waits_to_be_booted_is_taken_back_before_anything_else(
    tmp_path: Path, line: ReleaseLine, make_candidate: MakeCandidate, signing_key: SigningKey, public_key: Path
) -> None:
    """A command that died between `test` and `reset` leaves a board that would boot an unjudged model at any reset."""
    with running_board(tmp_path / "s", public_key) as s1, running_board(tmp_path / "p", public_key) as p1:
        boards = [
            {"name": "s1", "pool": "staging", "url": s1.url},
            {"name": "p1", "pool": "production", "url": p1.url},
        ]
        powered = dataclasses.replace(line, inventory=write_inventory(tmp_path, boards, "powered.yaml"))
        earlier, bundle = powered.push(make_candidate(4))
        assert earlier.pushed
        other = ReleaseStore(tmp_path / "elsewhere").release(make_candidate(6), version="1.0.0", key=signing_key)
        asyncio.run(_leave_waiting(p1.url, other))
        refused, _ = powered.push(with_wrong_reference(make_candidate(5)))
        assert_outcome(refused, "refused", at="staging")
        assert set(running(refused).values()) == {bundle.image.hash.hex()}
        assert asyncio.run(_running_hashes(p1.url)) == [bundle.image.hash]


async def _leave_waiting(url: str, bundle: Bundle) -> None:
    async with session_with(url) as session:
        await session.install(bundle.image.data)
        await session.test(bundle.image.hash)


async def _mark_for_test(url: str, bundle: Bundle) -> None:
    async with session_with(url) as session:
        await session.test(bundle.image.hash)


async def _running_hashes(url: str) -> list[bytes]:
    async with session_with(url) as session:
        await session.reset()
        return [image.hash for image in await session.images() if image.active]


def test_boards_refuse_a_release_signed_with_another_key(
    line: ReleaseLine, make_candidate: MakeCandidate, other_key: SigningKey
) -> None:
    earlier, bundle = line.push(make_candidate(4))
    assert earlier.pushed
    foreign = dataclasses.replace(line, signing_key=other_key.path)
    refused, _ = foreign.push(make_candidate(5))
    assert_outcome(refused, "refused", at="staging")
    assert "another public key" in headline(refused)
    assert set(running(refused).values()) == {bundle.image.hash.hex()}


def test_the_inventory_key_refuses_before_any_board_is_touched(
    tmp_path: Path,
    line: ReleaseLine,
    make_candidate: MakeCandidate,
    write_boards: Callable[..., Path],
    other_key: SigningKey,
) -> None:
    (tmp_path / "trusted.pem").write_bytes(other_key.public_pem)
    strict = dataclasses.replace(line, inventory=write_boards(public_key="trusted.pem"))
    refused, _ = strict.push(make_candidate(4))
    assert_outcome(refused, "refused", at="signature")
    assert "trusted.pem" in headline(refused)
    assert {board.answer for board in refused.boards} == {"not asked"}
    assert not refused.steps
    assert not (tmp_path / "workspace" / "boards").exists()


def test_a_board_that_does_not_answer_is_named_and_nothing_is_promoted(
    tmp_path: Path, line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    path = tmp_path / "boards.yaml"
    inventory = yaml.safe_load(path.read_text())
    inventory["boards"].append(
        {"name": "p3", "pool": "production", "profile": "fast.yaml", "url": str(tmp_path / "unplugged")}
    )
    path.write_text(yaml.safe_dump(inventory))
    refused, _ = line.push(make_candidate(4))
    assert_outcome(refused, "refused", at="boards")
    assert "p3" in headline(refused)
    assert "unplugged" in headline(refused)
    assert {board.name: board.answer for board in refused.boards} == {
        **dict.fromkeys(("s1", "p1", "p2"), "runs"),
        "p3": "silent",
    }
    assert set(running(refused).values()) == {None}
    assert remedy(refused)


@pytest.mark.parametrize("version", ["1.0", "256.0.0", "1.0.65536", "1.0.0+3"])
def test_a_version_that_no_image_can_have_is_an_error(
    line: ReleaseLine, make_candidate: MakeCandidate, version: str
) -> None:
    with pytest.raises(TinyopsError, match=re.escape(repr(version))):
        dataclasses.replace(line, version=version).push(make_candidate(4))


def test_another_version_is_another_release(line: ReleaseLine, make_candidate: MakeCandidate) -> None:
    _, first = line.push(make_candidate(4))
    _, second = dataclasses.replace(line, version="2.0.0").push(make_candidate(4))
    assert (first.manifest.version, second.manifest.version) == ("1.0.0+1", "2.0.0+2")


def test_two_commands_do_not_release_from_one_workspace(line: ReleaseLine, make_candidate: MakeCandidate) -> None:
    with (
        exclusive(line.workspace / "releases" / "lock", busy="the other one"),
        pytest.raises(TinyopsError, match="another command"),
    ):
        line.push(make_candidate(4))


@pytest.mark.parametrize("busy", ["s1", "p1"])
def test_a_port_that_somebody_else_holds_is_an_error_and_no_refusal(
    tmp_path: Path, line: ReleaseLine, make_candidate: MakeCandidate, public_key: Path, busy: str
) -> None:
    boards = [{"name": "s1", "pool": "staging"}, {"name": "p1", "pool": "production"}]
    with held_port() as port, running_board(tmp_path / "free", public_key) as free:
        for board in boards:
            board["url"] = port if board["name"] == busy else free.url
        path = write_inventory(tmp_path, boards, "ports.yaml")
        with pytest.raises(TinyopsError, match=rf"^{busy}: board at {port}: the port is in use") as raised:
            dataclasses.replace(line, inventory=path).push(make_candidate(4))
        assert "end the other program" in raised.value.remedy


@contextmanager
def held_port() -> Iterator[str]:
    master, slave = pty.openpty()
    fcntl.flock(slave, fcntl.LOCK_EX)
    try:
        yield os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)


def test_a_bundle_that_was_altered_is_told_in_the_record(line: ReleaseLine, make_candidate: MakeCandidate) -> None:
    _, first = line.push(make_candidate(4))
    (first.folder / "environment.txt").write_text("other==1\n")
    deployment, second = line.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    assert second.manifest.version == "1.0.0+2"
    told = deployment.steps[0]
    assert (told.board, told.action) == ("workspace", "moved aside")
    assert str(first.folder / "environment.txt") in told.detail


def test_a_damaged_record_of_a_promotion_is_kept_and_told(line: ReleaseLine, make_candidate: MakeCandidate) -> None:
    _, bundle = line.push(make_candidate(4))
    record = bundle.folder / "deployment.json"
    for name in ("damaged-deployment.json", "damaged-deployment.json-2"):
        record.write_text("{")
        deployment, _ = line.push(make_candidate(4))
        assert_outcome(deployment, "unchanged")
        assert deployment.steps[0].action == "moved aside"
        assert f"{record} is damaged" in deployment.steps[0].detail
        assert (bundle.folder / name).read_text() == "{"
        assert Deployment.model_validate_json(record.read_bytes()).pushed


def test_an_arena_over_a_boards_profile_is_refused_before_it_is_touched(
    line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    hungry = dataclasses.replace(make_candidate(4), arena_bytes=300_000)
    refused, _ = line.push(hungry)
    assert_outcome(refused, "refused", at="boards")
    assert "300,000 bytes" in headline(refused)
    assert not refused.steps


def test_a_budget_that_only_a_boards_own_figure_meets_is_not_met(
    line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    """What TFLM says it uses is less than it needs to load."""
    candidate = make_candidate(4)
    assert candidate.arena_bytes is not None
    plan = line.plan.model_copy(update={"budgets": {"fast": Budget(arena_bytes=candidate.arena_bytes - 1)}})
    refused, _ = dataclasses.replace(line, plan=plan).push(candidate)
    assert_outcome(refused, "refused", at="staging")
    assert f"arena: {candidate.arena_bytes:,} of" in headline(refused)
    own = [board.evidence.arena_used for board in refused.boards if board.evidence]
    assert all(used is not None and used < candidate.arena_bytes for used in own)


def test_boards_that_cannot_estimate_a_latency_give_none_and_are_not_held_to_a_budget(line: ReleaseLine) -> None:
    data = one_hot_samples(4, 240)
    real = LabelledSamples(data.values.astype(np.float32), data.labels, data.class_names)
    found = validate_model(float_classifier(4), load_profile("cortex-m4"), real, acceptance_samples=200, seed=0)
    assert found.acceptance is not None
    why = "the model computes in float32, and a profile's speeds are those of int8"
    assert (found.report.latency_us, found.report.latency_note, found.report.macs) == (None, why, 16)
    candidate = Candidate(
        name="float",
        model=float_classifier(4),
        acceptance=found.acceptance,
        arena_bytes=found.report.arena_bytes,
        board_profile="cortex-m4",
        provenance=Provenance(),
        metrics={"accuracy": 1.0},
        sources={},
    )
    with pytest.raises(
        TinyopsError, match="limits the latency on fast, and virtual boards cannot estimate it"
    ) as caught:
        dataclasses.replace(line, plan=NO_SLOW_BOARDS).push(candidate)
    assert why in caught.value.message
    promoted, _ = line.push(candidate)
    assert_outcome(promoted, "promoted")
    for board in promoted.boards:
        evidence, verdict = board.evidence, board.verdict
        assert evidence is not None
        assert evidence.answers is not None
        assert verdict is not None
        assert set(evidence.answers.latencies_us) == {None}
        latency = next(check for check in verdict.checks if check.name == "latency")
        assert (latency.status, latency.measured) == ("skipped", None)


def test_a_release_that_was_left_unconfirmed_is_taken_back_first(
    line: ReleaseLine, make_candidate: MakeCandidate
) -> None:
    """Ctrl-C between reboot and confirmation leaves a board trying a release; the next command starts clean."""
    earlier, bundle = line.push(make_candidate(4))
    assert earlier.pushed

    class Interrupted(Exception):
        pass

    class PullsThePlug:
        def on_step(self, step: object) -> None:
            if getattr(step, "action", "") == "examine":
                raise Interrupted

        def on_progress(self, board: str, action: str, done: int, total: int) -> None:
            pass

    with pytest.raises(Interrupted):
        line.push(make_candidate(5), PullsThePlug())
    after, _ = line.push(make_candidate(4))
    assert_outcome(after, "unchanged")
    assert set(running(after).values()) == {bundle.image.hash.hex()}


def test_stages_follow_what_staging_and_production_say(
    line: ReleaseLine, make_candidate: MakeCandidate, write_boards: Callable[..., Path]
) -> None:
    _, first = line.push(make_candidate(4))
    promoted, second = line.push(make_candidate(5))
    assert_outcome(promoted, "promoted")
    store, (old, new) = ReleaseStore(line.workspace / "releases"), (first.image.hash.hex(), second.image.hash.hex())
    assert (store.stage_of(old), store.stage_of(new), store.lineage(new)) == ("retired", "production", [old])
    assert promoted.change is not None
    assert promoted.change.against.release_id == first.release_id
    again, _ = line.push(make_candidate(5))
    assert again.change == promoted.change, "the promotion's is shown again"

    _, third = line.push(with_wrong_reference(make_candidate(6)))
    assert store.stage_of(third.image.hash.hex()) == "staged", "staging refused it"
    slow_board = dataclasses.replace(line, plan=NO_SLOW_BOARDS, inventory=write_boards(slow="p2"))
    refused, fourth = slow_board.push(make_candidate(7))
    assert_outcome(refused, "refused", at="production")
    assert store.stage_of(fourth.image.hash.hex()) == "accepted"
    assert (store.in_production(), refused.change) == ([new], None)

    back, _ = dataclasses.replace(line, inventory=write_boards()).push(make_candidate(4))
    assert_outcome(back, "promoted")
    assert (store.in_production(), store.lineage(old)) == ([old], [new, old])


def test_a_stage_that_cannot_be_recorded_is_a_warning_and_the_release_is_out(
    line: ReleaseLine, make_candidate: MakeCandidate, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise TinyopsError("the release store cannot be used: disk full", remedy="free its disk")

    monkeypatch.setattr(ReleaseStore, "advance", full)
    deployment, _ = line.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    assert "disk full" in caplog.text


def test_a_release_that_is_revoked_meanwhile_is_refused_before_a_board_is_touched(
    line: ReleaseLine, make_candidate: MakeCandidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = ReleaseStore.release

    def revoked(self: ReleaseStore, *given: Any, **named: Any) -> Bundle:
        bundle = release(self, *given, **named)
        self.revoke(bundle.release_id, reason="wakes at any noise", by="somebody else")
        return bundle

    monkeypatch.setattr(ReleaseStore, "release", revoked)
    refused, bundle = line.push(make_candidate(4))
    assert_outcome(refused, "refused", at="signature")
    assert f"{bundle.release_id} has security counter 0, below the floor 1" in headline(refused)
    assert "it was revoked itself: wakes at any noise" in headline(refused)
    assert not refused.steps


def test_boards_keep_a_revoked_release_until_the_next_one_raises_their_floor(
    tmp_path: Path, line: ReleaseLine, make_candidate: MakeCandidate, public_key: Path
) -> None:
    with running_board(tmp_path / "s", public_key) as s1, running_board(tmp_path / "p", public_key) as p1:
        boards = [
            {"name": "s1", "pool": "staging", "url": s1.url},
            {"name": "p1", "pool": "production", "url": p1.url},
        ]
        powered = dataclasses.replace(line, inventory=write_inventory(tmp_path, boards, "powered.yaml"))
        _, bad = powered.push(make_candidate(4))
        ReleaseStore(line.workspace / "releases").revoke(bad.release_id, reason="bad", by="test")
        assert asyncio.run(_running_hashes(p1.url)) == [bad.image.hash]
        refused, _ = powered.push(make_candidate(5))
        assert_outcome(refused, "refused", at="boards")
        assert "s1 and p1 could not be taken back" in headline(refused)
        assert asyncio.run(_running_hashes(p1.url)) == [bad.image.hash]
        approved = dataclasses.replace(powered, approved=("the engineer", "the release before is revoked"))
        deployment, anew = approved.push(make_candidate(5))
        assert_outcome(deployment, "promoted")
        assert anew.security_counter == 1
        assert set(running(deployment).values()) == {anew.image.hash.hex()}
        # The boot logic raises the floor when it starts a confirmed image.
        assert asyncio.run(_running_hashes(p1.url)) == [anew.image.hash]
        with pytest.raises(SessionError, match="was revoked"):
            asyncio.run(_leave_waiting(p1.url, bad))
        # It lies in the spare slot still; the boot logic does not take it either.
        asyncio.run(_mark_for_test(p1.url, bad))
        assert asyncio.run(_running_hashes(p1.url)) == [anew.image.hash]
