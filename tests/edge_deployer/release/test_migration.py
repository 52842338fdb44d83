"""Workspaces from before there were stages: migrated once, whatever ends it in the middle."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.locks import exclusive
from edge_deployer.release.bundle import IMAGE_FILE, write_bundle
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.migration import FoundBundle, steps_of
from edge_deployer.release.promotion_record import RECORD_FILE, PromotedBoard, PromotionRecord
from edge_deployer.release.stages import Stage, has_step
from edge_deployer.release.store import ReleaseStore
from tests.edge_deployer.candidates import MakeCandidate, record_promotion

AT = datetime(2026, 3, 14, tzinfo=timezone.utc)


@pytest.fixture
def root(tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey) -> Path:
    """Three releases as earlier versions kept them, the first two promoted, and one that was moved aside."""
    for build in (1, 2, 3):
        version = f"1.0.0+{build}"
        bundle = write_bundle(
            make_candidate(3 + build), tmp_path / "releases" / version, version=version, key=signing_key
        )
        if build < 3:
            record_promotion(bundle, days_ago=10 - build)
    (tmp_path / "releases" / "damaged-1.0.0+4").mkdir()
    (tmp_path / "releases" / "lock").touch()
    return tmp_path / "releases"


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith("store.sqlite")
    }


def what_is_known(store: ReleaseStore) -> list[tuple[str, Stage, list[str]]]:
    return [(release.version, release.stage, store.lineage(release.image_hash)) for release in store.releases()]


def require_migrated(root: Path, before: dict[str, bytes]) -> None:
    store = ReleaseStore(root)
    first, second, third = (release.image_hash for release in store.releases())
    assert what_is_known(store) == [
        ("1.0.0+1", "retired", []),
        ("1.0.0+2", "production", [first]),
        ("1.0.0+3", "staged", []),
    ]
    assert not store.set_aside
    names = {"1.0.0+1": first, "1.0.0+2": second, "1.0.0+3": third}
    renamed = {f"{names[name.split('/')[0]]}/{name.split('/')[1]}" for name in before if "/" in name}
    assert {name for name in contents(root) if "/" in name} == renamed
    assert {path.name for path in root.iterdir()} == {*names.values(), "damaged-1.0.0+4", "lock", "store.sqlite"}


def test_a_workspace_of_before_is_migrated_once_with_a_word(
    root: Path, make_candidate: MakeCandidate, signing_key: SigningKey, caplog: pytest.LogCaptureFixture
) -> None:
    before = contents(root)
    require_migrated(root, before)
    assert caplog.text.count("are now named by the hash of their image") == 1
    store = ReleaseStore(root)
    assert caplog.text.count("are now named by the hash of their image") == 1
    assert store.release(make_candidate(4), version="1.0.0", key=signing_key).manifest.version == "1.0.0+1"
    assert store.release(make_candidate(7), version="1.0.0", key=signing_key).manifest.version == "1.0.0+5"


def test_whoever_is_killed_at_any_step_leaves_what_the_next_one_finishes(root: Path, tmp_path: Path) -> None:
    before, step = contents(root), 0
    while True:
        copy = tmp_path / f"killed at {step}"
        shutil.copytree(root, copy)
        was_killed = killed_at(step, lambda copy=copy: ReleaseStore(copy))
        require_migrated(copy, before)
        if not was_killed:
            break
        shutil.rmtree(copy)
        step += 1
    assert step > 20


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Whether a process ended at that step of the work: a rename, before and after, or a statement of SQLite's."""
    child = os.fork()
    if child == 0:
        left = [number]

        def step(*_: object) -> None:
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1

        rename, connect = Path.rename, sqlite3.connect

        def stepping_rename(path: Path, target: Path) -> Path:
            step()
            done = rename(path, target)
            step()
            return done

        def stepping_connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
            step()
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.set_trace_callback(step)
            return connection

        Path.rename = stepping_rename  # type: ignore[assignment,method-assign]
        sqlite3.connect = stepping_connect  # type: ignore[assignment]
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


def test_nothing_is_renamed_while_another_command_releases(root: Path) -> None:
    before = contents(root)
    with (
        exclusive(root / "lock", busy="the other one"),
        pytest.raises(TinyopsError, match="another command releases from"),
    ):
        ReleaseStore(root)
    assert contents(root) == before


def test_a_bundle_without_a_whole_image_is_moved_aside(root: Path) -> None:
    image = root / "1.0.0+1" / IMAGE_FILE
    image.write_bytes(image.read_bytes()[:-100])
    store = ReleaseStore(root)
    assert store.names() == ["1.0.0+2", "1.0.0+3"]
    (said,) = store.set_aside
    assert "is now damaged-1.0.0+1" in said


def test_a_record_that_nobody_can_read_stays_and_says_that_staging_accepted(root: Path) -> None:
    (root / "1.0.0+3" / RECORD_FILE).write_text("{")
    store = ReleaseStore(root)
    third = store.releases()[-1]
    assert third.stage == "accepted"
    assert (store.path(third.image_hash) / RECORD_FILE).read_text() == "{"


def test_stages_are_found_again_where_their_file_was_lost(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    store = ReleaseStore(tmp_path)
    bundles = [store.release(make_candidate(classes), version="1.0.0", key=signing_key) for classes in (4, 5)]
    store.revoke("1.0.0+1", reason="bad", by="test")
    bundles.append(store.release(make_candidate(5), version="1.0.0", key=signing_key))
    record_promotion(bundles[2])
    (tmp_path / "store.sqlite").unlink()
    found = ReleaseStore(tmp_path)
    assert [release.stage for release in found.releases()] == ["staged", "staged", "production"]
    assert found.floor == 1
    assert found.release(make_candidate(6), version="1.0.0", key=signing_key).manifest.version == "1.0.0+4"


def test_a_bundle_that_was_copied_in_is_a_release_like_any_other(
    tmp_path: Path, make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    bundle = ReleaseStore(tmp_path / "there").release(make_candidate(), version="2.0.0", key=signing_key)
    shutil.copytree(tmp_path / "there", tmp_path / "here", ignore=shutil.ignore_patterns("store.sqlite"))
    assert ReleaseStore(tmp_path / "here").stage_of(bundle.image.hash.hex()) == "staged"


IMAGES = [f"{number:064x}" for number in range(5)]


@st.composite
def bundles_of_before(draw: st.DrawFn) -> list[FoundBundle]:
    found = []
    for number, image in enumerate(draw(st.lists(st.sampled_from(IMAGES), unique=True))):
        promotion = None
        if draw(st.booleans()):
            before = draw(st.lists(st.none() | st.sampled_from(IMAGES), max_size=3))
            boards = tuple(PromotedBoard(pool="production", image_before=other) for other in before)
            promotion = PromotionRecord(finished=AT + timedelta(hours=draw(st.integers(0, 9))), boards=boards)
        damaged = promotion is None and draw(st.booleans())
        found.append(FoundBundle(image, f"1.0.0+{number + 1}", 0, AT, promotion, damaged))
    return found


@given(bundles_of_before(), st.randoms(use_true_random=False))
def test_stages_follow_from_the_dates_of_promotions(found: list[FoundBundle], random: Any) -> None:
    steps = steps_of(found)
    passed: dict[str, list[Stage]] = {}
    for step in steps:
        if step.image_hash in passed:
            assert has_step(passed[step.image_hash], step.stage, is_revoked=False)
        else:
            assert step.stage == "staged"
        passed.setdefault(step.image_hash, []).append(step.stage)
    stages = {image: been[-1] for image, been in passed.items()}
    promoted = {bundle.image_hash: bundle.promotion for bundle in found if bundle.promotion}
    assert stages.keys() == {bundle.image_hash for bundle in found}
    for bundle in found:
        if bundle.promotion is None:
            assert stages[bundle.image_hash] == ("accepted" if bundle.has_damaged_record else "staged")
            continue
        later = [record for record in promoted.values() if record.finished > bundle.promotion.finished]
        named = any(board.image_before == bundle.image_hash for record in later for board in record.boards)
        if named or not later:
            assert stages[bundle.image_hash] == ("retired" if named else "production")
    shuffled = list(found)
    random.shuffle(shuffled)
    assert {step.image_hash for step in steps_of(shuffled)} == stages.keys()


def test_production_that_has_never_run_a_release_does_not_retire_it() -> None:
    """Two inventories, two models, one workspace."""
    promotions = [
        PromotionRecord(finished=AT + timedelta(days=day), boards=(PromotedBoard(pool="production"),))
        for day in range(2)
    ]
    found = [FoundBundle(IMAGES[day], f"1.0.0+{day}", 0, AT, promotions[day]) for day in range(2)]
    assert [step.stage for step in steps_of(found)].count("production") == 2
    assert "retired" not in {step.stage for step in steps_of(found)}
