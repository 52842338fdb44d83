"""`tinyops releases` as a user meets it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.release.bundle import IMAGE_FILE, Bundle
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from edge_deployer.release.model_card import StatedUse, card_schema
from edge_deployer.release.store import ReleaseStore
from edge_deployer.report.formats import byte_count
from tests.edge_deployer.candidates import MakeCandidate, record_promotion
from tests.edge_deployer.cards import card
from tests.edge_deployer.cli.command import Done, tinyops
from tests.edge_deployer.front_ends import on_board, on_host


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReleaseStore:
    monkeypatch.chdir(tmp_path)
    return ReleaseStore(tmp_path / ".tinyops" / "releases")


@pytest.fixture
def own_key(tmp_path: Path) -> SigningKey:
    return load_or_create_signing_key(tmp_path / ".tinyops" / "keys" / "signing.pem")


@pytest.fixture
def bundles(store: ReleaseStore, own_key: SigningKey, make_candidate: MakeCandidate) -> list[Bundle]:
    """Three of one model: nothing said of its features, computed on the host, computed on the board and promoted."""
    front_ends = (None, on_host(), on_board(rate=16_000))
    candidates = [dataclasses.replace(make_candidate(), front_end=front_end) for front_end in front_ends]
    candidates[2] = dataclasses.replace(candidates[2], card=card(stated=StatedUse(intended_use="to read meters")))
    found = [store.release(candidate, version="1.0.0", key=own_key) for candidate in candidates]
    promote(store, found[2])
    return found


def promote(store: ReleaseStore, bundle: Bundle, replaces: str | None = None) -> None:
    record_promotion(bundle)
    image_hash = bundle.image.hash.hex()
    store.advance(image_hash, "accepted", by="rollout 7")
    store.advance(image_hash, "production", by="rollout 7", replaces=replaces)


def releases(*arguments: str | Path) -> Done:
    return tinyops("releases", *arguments)


def answer(*arguments: str | Path, status: int = 0) -> Any:
    done = releases(*arguments, "--json")
    assert done.status == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_list_has_the_newest_first_and_says_how_far_each_has_come(bundles: list[Bundle]) -> None:
    lines = releases("list").stdout.splitlines()[2:]
    assert [line.split()[:2] for line in lines] == [
        [bundles[2].release_id, "production"],
        [bundles[1].release_id, "staged"],
        [bundles[0].release_id, "staged"],
    ]
    told = ("on the board by micro_frontend, version 1", "not on the board", "nothing is said")
    for line, features in zip(lines, told, strict=True):
        assert features in line
        assert "cortex-m4" in line
        assert "accuracy 1" in line
    listed = answer("list")
    assert [row["release"] for row in listed] == [bundle.release_id for bundle in reversed(bundles)]
    assert [row["promoted"] for row in listed] == [True, False, False]
    assert [row["stage"] for row in listed] == ["production", "staged", "staged"]
    assert (listed[0]["by"], listed[0]["replaced"], listed[0]["floor"]) == ("rollout 7", None, 0)
    assert listed[0]["manifest"]["front_end"]["parameters"] == {"rate": 16_000}


def test_a_damaged_release_is_listed_with_what_is_wrong(bundles: list[Bundle]) -> None:
    (bundles[0].folder / IMAGE_FILE).write_bytes(b"torn")
    row = answer("list")[-1]
    assert (row["release"], row["manifest"]) == (bundles[0].release_id, None)
    assert IMAGE_FILE in row["damage"]
    assert IMAGE_FILE in releases("list").stdout


@pytest.mark.usefixtures("store")
def test_an_empty_workspace_says_so() -> None:
    assert releases("list").stdout == "no release is in .tinyops\n"
    assert answer("list") == []


def test_a_release_is_shown_once_it_is_verified(bundles: list[Bundle]) -> None:
    shown = releases("show", bundles[2].release_id)
    assert shown.status == 0
    assert f"identity {bundles[2].release_id}, verified" in shown.stdout
    assert "features: computed on the board by micro_frontend, version 1" in shown.stdout
    assert f"card: .tinyops/releases/{bundles[2].image.hash.hex()}/model_card.html" in shown.stdout
    assert "\n  accepted: " in shown.stdout
    assert " UTC, rollout 7\n" in shown.stdout
    assert "card: none" in releases("show", "1.0.0+1").stdout
    assert answer("show", "1.0.0+3")["model_card"]["stated"]["intended_use"] == "to read meters"
    assert answer("show", "1.0.0+1")["model_card"] is None
    assert [step["stage"] for step in answer("show", "1.0.0+3")["standing"]["steps"]] == [
        *("staged", "accepted", "production"),
    ]
    written = json.loads((bundles[2].folder / "manifest.json").read_text())
    assert answer("show", "1.0.0+3")["manifest"] == {"profiles": None, **written}
    (bundles[2].folder / "front_end.json").write_text("{}")
    done = releases("show", "1.0.0+3")
    assert done.status == 1
    assert "front_end.json is not the file that was released" in done.stderr


def test_a_release_is_exported_to_a_folder_of_its_name(bundles: list[Bundle], tmp_path: Path) -> None:
    done = releases("export", "1.0.0+3", "--format", "c")
    assert done.status == 0, done.stderr
    assert "estimated on a 64-bit host; no real board has run it" in done.stdout
    assert bundles[2].release_id in (tmp_path / "1.0.0+3-c" / "model.h").read_text()
    card_page = (bundles[2].folder / "model_card.html").read_bytes()
    assert (tmp_path / "1.0.0+3-c" / "model_card.html").read_bytes() == card_page
    assert "model_card.html" in (tmp_path / "1.0.0+3-c" / "README.md").read_text()
    told = answer("export", "1.0.0+3")
    assert "model_card.json" in told["files"]
    assert told["folder"] == "1.0.0+3-c"
    assert told["release_id"] == bundles[2].release_id
    assert told["arena"]["host"] == bundles[2].manifest.arena_bytes
    assert told["arena"]["bytes"] == told["arena"]["host"] + told["arena"]["headroom"]
    assert {path.name for path in (tmp_path / "1.0.0+3-c").iterdir()} == {"export.json", *told["files"]}


def test_a_release_s_folder_is_exported_from_anywhere(
    bundles: list[Bundle], tmp_path: Path, own_key: SigningKey
) -> None:
    moved = bundles[0].folder.rename(tmp_path / "handed over")
    (tmp_path / "public.pem").write_bytes(own_key.public_pem)
    options = ["--workspace", "elsewhere", "--public-key", "public.pem", "--output", "out"]
    done = releases("export", moved, *options)
    assert done.status == 0, done.stderr
    assert (tmp_path / "out" / "README.md").is_file()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.usefixtures("bundles")
@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["9.9.9+9"], "9.9.9+9 is neither a folder nor a release in .tinyops", "1.0.0+1, 1.0.0+2, 1.0.0+3"),
        (["1.0.0+1", "--output", "full"], "full is not empty, and no release was exported to it", "new or empty"),
        (["1.0.0+1", "--public-key", "other.pem"], "is not signed with other.pem", "--public-key FILE"),
        (["1.0.0+1", "--public-key", "none.pem"], "none.pem does not exist", "correct the path"),
        (["full"], "has no image.bin", "release again"),
    ],
)
def test_a_mistake_is_named_with_a_remedy(
    tmp_path: Path, other_key: SigningKey, arguments: list[str], message: str, remedy: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "main.c").touch()
    (tmp_path / "other.pem").write_bytes(other_key.public_pem)
    done = releases("export", *arguments)
    assert done.status == 1
    assert message in done.stderr
    assert remedy in done.stderr
    assert not (tmp_path / "1.0.0+1-c").exists()


@pytest.mark.usefixtures("bundles")
def test_a_workspace_without_a_key_asks_for_one(own_key: SigningKey) -> None:
    own_key.path.unlink()
    error = answer("export", "1.0.0+1", status=1)["error"]
    assert "no key to verify a release with" in error["message"]
    assert "--public-key" in error["remedy"]


@pytest.mark.usefixtures("bundles")
def test_another_format_is_wrong_usage() -> None:
    assert releases("export", "1.0.0+1", "--format", "rust").status == 2


def test_a_release_is_verified_by_the_workspace_s_key_and_by_one_that_is_given(
    bundles: list[Bundle], tmp_path: Path, own_key: SigningKey, other_key: SigningKey
) -> None:
    done = releases("verify", "1.0.0+3")
    assert done.status == 0
    assert f"{bundles[2].release_id}, verified" in done.stdout
    assert "key: the workspace's, SHA-256" in done.stdout
    assert "stage: production" in done.stdout
    (tmp_path / "public.pem").write_bytes(own_key.public_pem)
    found = answer("verify", bundles[2].folder, "--public-key", "public.pem", "--workspace", "elsewhere")
    assert (found["trust"], found["release"], found["standing"]) == ("given", bundles[2].release_id, None)
    assert {"public.pem", "front_end.json", "acceptance.npz"} < set(found["parts"])
    (tmp_path / "other.pem").write_bytes(other_key.public_pem)
    done = releases("verify", "1.0.0+3", "--public-key", "other.pem")
    assert (done.status, "is not signed with other.pem" in done.stderr) == (1, True)


def test_a_bundle_alone_shows_that_it_is_whole_and_nothing_of_who_signed_it(
    bundles: list[Bundle], tmp_path: Path
) -> None:
    alone = bundles[0].folder.rename(tmp_path / "years later")
    done = releases("verify", alone, "--workspace", "nowhere")
    assert done.status == 0
    assert "whole, but nobody was named who may have signed it" in done.stdout
    assert "the bundle itself brings, which shows nothing of who signed it" in done.stdout
    assert "--public-key FILE" in done.stdout
    assert answer("verify", alone, "--workspace", "nowhere")["trust"] == "own"
    (alone / "environment.txt").write_text("other==1\n")
    done = releases("verify", alone, "--workspace", "nowhere")
    assert (done.status, "environment.txt is not the file that was released" in done.stderr) == (1, True)
    (alone / "public.pem").unlink()
    assert "brought one" in releases("verify", alone, "--workspace", "nowhere").stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_release_is_compared_with_the_one_that_it_replaced_or_that_production_runs(
    store: ReleaseStore, bundles: list[Bundle]
) -> None:
    assert answer("diff", "1.0.0+1")["against"]["release_id"] == bundles[2].release_id
    promote(store, bundles[1], replaces=bundles[2].image.hash.hex())
    found = answer("diff", "1.0.0+2")
    assert (found["release"]["release_id"], found["against"]["release_id"]) == (
        bundles[1].release_id,
        bundles[2].release_id,
    )
    assert not found["model_changed"]
    assert set(found["facts"]) == {"front end"}
    done = releases("diff", "1.0.0+2", "1.0.0+1")
    assert f"{bundles[1].release_id} against {bundles[0].release_id}: the same model" in done.stdout
    assert "model size" in done.stdout
    assert "front end" in done.stdout


@pytest.mark.usefixtures("store")
def test_a_release_that_nothing_can_be_compared_with_says_so(bundles: list[Bundle]) -> None:
    done = releases("diff", "1.0.0+3")
    assert done.status == 1
    assert f"nothing says what {bundles[2].release_id} is to be compared with" in done.stderr
    assert "tinyops releases diff RELEASE OTHER" in done.stderr


def test_what_nothing_needs_is_removed_once_it_was_said(bundles: list[Bundle]) -> None:
    planned = answer("gc", "--keep", "1", "--dry-run")
    assert [row["release_id"] for row in planned["removed"]] == [bundles[0].release_id]
    assert planned["dry_run"]
    assert bundles[0].folder.exists()
    done = releases("gc", "--keep", "1")
    assert bundles[0].release_id in done.stdout
    assert "1 release removed" in done.stdout
    assert not bundles[0].folder.exists()
    assert bundles[2].folder.exists()
    assert releases("gc").stdout == f"0 releases removed, {byte_count(0)}\n"
    assert releases("gc", "--keep", "-1").status == 2


def test_a_revoked_release_is_told_wherever_it_is_met(bundles: list[Bundle]) -> None:
    done = releases("revoke", "1.0.0+3", "--reason", "wakes at any noise")
    assert done.status == 0
    assert f"{bundles[2].release_id} is revoked; the security floor is now 1" in done.stdout
    assert f"below it as well: {bundles[0].release_id}, {bundles[1].release_id}" in done.stdout
    assert answer("revoke", "1.0.0+3", "--reason", "again") == {
        "release_id": bundles[2].release_id,
        "floor": 1,
        "raised": False,
        "below": [bundle.release_id for bundle in bundles],
    }
    listed = releases("list").stdout
    assert "retired, revoked" in listed
    assert "security floor 1: 3 of these lie below it and go to no board" in listed
    assert answer("list")[0]["revoked"] == "wakes at any noise"
    assert "revoked: wakes at any noise" in releases("show", "1.0.0+3").stdout
    assert "floor: 1: the release lies below it" in releases("verify", "1.0.0+1").stdout
    done = releases("revoke", "9.9.9+9", "--reason", "none")
    assert (done.status, "9.9.9+9 is no release in .tinyops" in done.stderr) == (1, True)
    assert releases("revoke", "1.0.0+1").status == 2


def test_the_format_of_model_cards_is_printed() -> None:
    done = releases("card-schema")
    assert (done.status, done.stdout) == (0, card_schema())
