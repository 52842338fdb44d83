"""Stages, lineage and what may be removed: for any history that the rules allow."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.release.stages import ReleaseHistory, Stage, StageStep, has_step, lineage, removable

AT = datetime(2026, 3, 14, tzinfo=timezone.utc)
STAGES: tuple[Stage, ...] = get_args(Stage)


class Store:
    """A store in memory: it takes the steps that the rule allows."""

    def __init__(self, releases: int) -> None:
        self.steps: dict[str, list[StageStep]] = {
            f"{number:064x}": [StageStep(number, "staged", AT, "test")] for number in range(releases)
        }
        self.taken = releases

    def advance(self, image: str, stage: Stage, *, replaces: str | None = None, reason: str | None = None) -> bool:
        revoked = any(step.reason for step in self.steps[image])
        allowed = has_step([step.stage for step in self.steps[image]], stage, is_revoked=revoked)
        if not (allowed or (reason and not revoked)):
            return False
        self.steps[image].append(StageStep(self.taken, stage, AT, "test", replaces=replaces, reason=reason))
        self.taken += 1
        return True

    def promote(self, image: str) -> None:
        before = next((other for other in self.steps if self.stage(other) == "production"), None)
        self.advance(image, "accepted")
        if before != image and self.advance(image, "production", replaces=before) and before:
            self.advance(before, "retired")

    def stage(self, image: str) -> Stage:
        return self.steps[image][-1].stage

    @property
    def histories(self) -> list[ReleaseHistory]:
        return [
            ReleaseHistory(image, f"1.0.0+{build}", tuple(steps))
            for build, (image, steps) in enumerate(self.steps.items(), start=1)
        ]


@st.composite
def stores(draw: st.DrawFn) -> Store:
    """What pushes, refusals and revocations leave, in any order."""
    store = Store(draw(st.integers(1, 8)))
    images = sorted(store.steps)
    for _ in range(draw(st.integers(0, 20))):
        image = draw(st.sampled_from(images))
        done = draw(st.sampled_from(["promoted", "promoted", "accepted", "revoked"]))
        if done == "promoted":
            store.promote(image)
        elif done == "accepted":
            store.advance(image, "accepted")
        else:
            store.advance(image, "retired", reason="bad")
    return store


@given(st.lists(st.sampled_from(STAGES), max_size=12), st.booleans())
def test_production_comes_only_after_acceptance_and_what_was_passed_is_no_step(
    wanted: list[Stage], is_revoked: bool
) -> None:
    been: list[Stage] = ["staged"]
    for stage in wanted:
        answer = has_step(been, stage, is_revoked=is_revoked)
        if stage in ("staged", been[-1]):
            assert answer is False
        if answer:
            been.append(stage)
    if "production" in been:
        assert "accepted" in been[: been.index("production")]
    if is_revoked:
        assert been == ["staged"]


@given(stores())
def test_steps_repeated_change_nothing(store: Store) -> None:
    for image in store.steps:
        assert not store.advance(image, store.stage(image))


@given(stores())
def test_lineage_ends_and_each_has_replaced_the_next(store: Store) -> None:
    histories = store.histories
    for release in histories:
        chain = [release.image_hash, *lineage(histories, release.image_hash)]
        assert len(chain) <= store.taken
        for image, replaced in pairwise(chain):
            assert any(step.replaces == replaced for step in store.steps[image])


def test_a_release_that_came_back_has_the_whole_way_in_its_lineage() -> None:
    store = Store(3)
    a, b, c = sorted(store.steps)
    for image in (a, b, a, c):
        store.promote(image)
    assert lineage(store.histories, c) == [a, b, a]
    assert lineage(store.histories, b) == [a]


@given(stores(), st.integers(0, 4), st.data())
def test_nothing_is_removed_that_a_board_runs_or_may_be_taken_back_to(
    store: Store, keep: int, data: st.DataObject
) -> None:
    pinned = data.draw(st.sets(st.sampled_from(sorted(store.steps)), max_size=2))
    histories = store.histories
    found = removable(histories, keep=keep, pinned=pinned)
    removed = {release.image_hash for release in found}
    assert not removed & pinned
    for release in histories:
        if release.stage in ("production", "accepted"):
            assert release.image_hash not in removed
            back = lineage(histories, release.image_hash)
            known = {other.image_hash: other for other in histories}
            good = [other for other in back if known[other].revoked is None]
            assert not removed & {*back[:1], *good[:1]}
    # Those of the rest that stay are the newest, as many as were asked for.
    assert found == sorted(found, key=lambda release: release.build)
    assert removable([release for release in histories if release not in found], keep=keep, pinned=pinned) == []


def test_a_release_that_was_revoked_in_production_stays_until_another_has_its_place() -> None:
    store = Store(3)
    a, b, c = sorted(store.steps)
    store.promote(a)
    store.promote(b)
    store.advance(b, "retired", reason="bad")
    assert [release.image_hash for release in removable(store.histories, keep=0)] == [c]
    store.advance(c, "accepted")
    store.advance(c, "production", replaces=b)
    assert removable(store.histories, keep=0) == [], "c would be taken back to a, as b was revoked"
