"""The release store: names, stages, the security floor, and what is removed. What is in a bundle: `test_bundle.py`."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from edge_deployer.errors import Refused, TinyopsError
from edge_deployer.locks import exclusive
from edge_deployer.release.bundle import IMAGE_FILE, Bundle, DamagedBundle, read_bundle
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.refusals import BelowFloor
from edge_deployer.release.store import ReleaseStore
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.candidates import MakeCandidate, record_promotion


@pytest.fixture
def store(tmp_path: Path) -> ReleaseStore:
    return ReleaseStore(tmp_path / "releases")


@pytest.fixture
def bundles(store: ReleaseStore, make_candidate: MakeCandidate, signing_key: SigningKey) -> list[Bundle]:
    """Three releases; nothing has happened to them."""
    return [store.release(make_candidate(classes), version="1.0.0", key=signing_key) for classes in (4, 5, 6)]


def hash_of(bundle: Bundle) -> str:
    return bundle.image.hash.hex()


def promote(store: ReleaseStore, bundle: Bundle, replaces: Bundle | None = None) -> None:
    store.advance(hash_of(bundle), "accepted", by="test")
    store.advance(hash_of(bundle), "production", by="test", replaces=hash_of(replaces) if replaces else None)


def test_a_release_is_found_by_version_id_and_hash(store: ReleaseStore, bundles: list[Bundle]) -> None:
    for bundle in bundles:
        assert bundle.folder.name == hash_of(bundle)
        names = (bundle.manifest.version, bundle.release_id, hash_of(bundle), hash_of(bundle)[:8])
        for name in names:
            assert store.folder(name) == bundle.folder
    for name in ("1.0.0", "1.0.0+9", f"1.0.0+1-{'0' * 8}", hash_of(bundles[0])[:7], "../releases", ""):
        assert store.folder(name) is None
    assert store.names() == ["1.0.0+1", "1.0.0+2", "1.0.0+3"]
    assert store.ids() == {hash_of(bundle): bundle.release_id for bundle in bundles}


def test_another_release_in_a_release_s_folder_is_damage(bundles: list[Bundle], signing_key: SigningKey) -> None:
    """Both are signed: only the name of the folder says that this is not the one that was asked for."""
    shutil.rmtree(bundles[2].folder)
    shutil.copytree(bundles[0].folder, bundles[2].folder)
    with pytest.raises(DamagedBundle, match="its folder is another one's"):
        read_bundle(bundles[2].folder, public_pem=signing_key.public_pem)


def test_stages_are_recorded_once_with_lineage(store: ReleaseStore, bundles: list[Bundle]) -> None:
    first, second, third = map(hash_of, bundles)
    assert {store.stage_of(image) for image in (first, second, third)} == {"staged"}
    promote(store, bundles[0])
    assert store.in_production() == [first]
    store.advance(second, "accepted", by="rollout 2", compared_with=first)
    assert store.advance(second, "production", by="rollout 2", replaces=first)
    assert not store.advance(second, "production", by="rollout 3", replaces=first)
    assert not store.advance(second, "accepted", by="rollout 3")
    assert (store.stage_of(first), store.stage_of(second)) == ("retired", "production")
    assert store.lineage(second) == [first]
    history = ReleaseStore(store.path("x").parent).history(second)
    assert history is not None
    assert [step.stage for step in history.steps] == ["staged", "accepted", "production"]
    assert (history.steps[1].by, history.steps[1].compared_with) == ("rollout 2", first)
    # Production is taken back.
    store.advance(first, "production", by="rollback", replaces=second)
    assert store.in_production() == [first]
    assert store.lineage(first) == [second, first]


def test_a_stage_cannot_be_skipped_and_an_unknown_release_has_none(store: ReleaseStore, bundles: list[Bundle]) -> None:
    with pytest.raises(Refused, match="is staged and cannot be production next"):
        store.advance(hash_of(bundles[0]), "production", by="test")
    with pytest.raises(TinyopsError, match="no record of a release with the image ffff"):
        store.stage_of("ffff")
    with pytest.raises(TinyopsError, match="no record of a release"):
        store.advance("ffff", "accepted", by="test")


def test_what_is_not_of_this_store_can_be_replaced(store: ReleaseStore, bundles: list[Bundle]) -> None:
    store.advance(hash_of(bundles[0]), "accepted", by="test")
    store.advance(hash_of(bundles[0]), "production", by="test", replaces="ab" * 32)
    assert store.lineage(hash_of(bundles[0])) == ["ab" * 32]


def test_revoking_raises_the_floor_and_what_is_below_is_released_anew(
    store: ReleaseStore, bundles: list[Bundle], make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    promote(store, bundles[1])
    assert store.below_floor(bundles[1].image.data) is None
    found = store.revoke("1.0.0+2", reason="wakes at any noise", by="test")
    assert (found.floor, found.raised) == (1, True)
    assert found.below == tuple(bundle.release_id for bundle in bundles)
    assert store.floor == 1
    assert store.stage_of(hash_of(bundles[1])) == "retired"
    again = store.revoke(bundles[1].release_id, reason="another reason", by="test")
    assert (again.floor, again.raised) == (1, False)
    refused = store.below_floor(bundles[1].image.data)
    assert refused == BelowFloor(release=bundles[1].release_id, counter=0, floor=1, revoked="wakes at any noise")
    good = store.below_floor(bundles[0].image.data)
    assert good == BelowFloor(release=bundles[0].release_id, counter=0, floor=1, revoked=None)

    anew = store.release(make_candidate(4), version="1.0.0", key=signing_key)
    assert (anew.manifest.version, anew.security_counter) == ("1.0.0+4", 1)
    assert parse_image(anew.image.data).security_counter == 1
    assert store.below_floor(anew.image.data) is None
    assert store.release(make_candidate(4), version="1.0.0", key=signing_key).release_id == anew.release_id
    assert store.revoke("1.0.0+4", reason="bad as well", by="test").floor == 2


def test_a_revoked_release_never_comes_back(store: ReleaseStore, bundles: list[Bundle]) -> None:
    promote(store, bundles[0])
    store.revoke("1.0.0+1", reason="bad", by="test")
    for stage in ("accepted", "production"):
        with pytest.raises(Refused, match="was revoked, bad, and cannot be"):
            store.advance(hash_of(bundles[0]), stage, by="test")  # type: ignore[arg-type]
    assert not store.advance(hash_of(bundles[0]), "retired", by="test")


def test_a_release_is_revoked_while_another_command_releases(store: ReleaseStore, bundles: list[Bundle]) -> None:
    with exclusive(bundles[0].folder.parent / "lock", busy="a push"):
        assert ReleaseStore(bundles[0].folder.parent).revoke("1.0.0+1", reason="bad", by="test").raised
    assert store.floor == 1


def test_only_what_nothing_needs_is_removed(
    store: ReleaseStore, bundles: list[Bundle], make_candidate: MakeCandidate, signing_key: SigningKey
) -> None:
    promote(store, bundles[0])
    promote(store, bundles[1], replaces=bundles[0])
    more = [store.release(make_candidate(classes), version="1.0.0", key=signing_key) for classes in (7, 8, 9)]
    bundles = [*bundles, *more]
    store.advance(hash_of(bundles[3]), "accepted", by="test")
    root = bundles[0].folder.parent
    (root / ".1.0.0+9.unfinished").mkdir()
    planned = store.collect(keep=1, dry_run=True)
    assert [release.release_id for release in planned] == [bundles[2].release_id, bundles[4].release_id]
    assert planned[0].size == sum(path.stat().st_size for path in bundles[2].folder.iterdir())
    assert store.collect(keep=1, dry_run=True, pinned=[hash_of(bundles[2])])[0].release_id == bundles[4].release_id
    assert all(bundle.folder.exists() for bundle in bundles)
    assert store.collect(keep=1) == planned
    assert store.names() == [f"1.0.0+{build}" for build in (1, 2, 4, 6)]
    assert not list(root.glob(".*"))
    assert store.stage_of(hash_of(bundles[2])) == "retired"
    assert store.collect(keep=1) == []
    anew = store.release(make_candidate(6), version="1.0.0", key=signing_key)
    assert anew.manifest.version == "1.0.0+7"


def test_what_a_board_had_before_a_release_in_production_stays(store: ReleaseStore, bundles: list[Bundle]) -> None:
    """A staging board had another release than production."""
    promote(store, bundles[1])
    record_promotion(bundles[1])
    record = bundles[1].folder / "deployment.json"
    board = f'{{"name": "s1", "pool": "staging", "image_before": "{hash_of(bundles[0])}"}}'
    record.write_text(record.read_text().replace('"boards":[]', f'"boards":[{board}]'))
    assert [release.release_id for release in store.collect(keep=0)] == [bundles[2].release_id]
    record.write_text("{")
    with pytest.raises(TinyopsError, match=r"deployment\.json is damaged"):
        store.collect(keep=0)


def test_nothing_is_removed_while_another_command_releases(store: ReleaseStore, bundles: list[Bundle]) -> None:
    with (
        exclusive(bundles[0].folder.parent / "lock", busy="the other one"),
        pytest.raises(TinyopsError, match="another command releases from"),
    ):
        store.collect(keep=0)


def test_a_file_of_a_newer_version_and_a_damaged_one_are_refused(store: ReleaseStore, bundles: list[Bundle]) -> None:
    path = bundles[0].folder.parent / "store.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(TinyopsError, match="is of version 2, which a newer tinyops has written"):
        ReleaseStore(path.parent)
    path.write_bytes(b"torn" * 1000)
    with pytest.raises(TinyopsError, match=r"store\.sqlite cannot be used: file is not a database"):
        store.names()


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    store = ReleaseStore(tmp_path / "nowhere" / "releases")
    assert (store.names(), store.floor, store.in_production(), store.collect(keep=0)) == ([], 0, [], [])
    assert not (tmp_path / "nowhere").exists()


def test_a_step_that_cannot_be_read_is_named(store: ReleaseStore, bundles: list[Bundle]) -> None:
    path = bundles[0].folder.parent / "store.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE steps SET stage = 'lost' WHERE number = 2")
    connection.close()
    with pytest.raises(TinyopsError, match=r"store\.sqlite, step 2 is damaged, or of another version: stage"):
        store.names()


def test_a_release_without_an_image_cannot_be_revoked(store: ReleaseStore, bundles: list[Bundle]) -> None:
    (bundles[0].folder / IMAGE_FILE).write_bytes(b"torn")
    with pytest.raises(TinyopsError, match="is no image"):
        store.revoke("1.0.0+1", reason="bad", by="test")
    with pytest.raises(TinyopsError, match=r"9\.9\.9\+9 is no release in"):
        store.revoke("9.9.9+9", reason="bad", by="test")
