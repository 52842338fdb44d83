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
    record_promotion(found[2])
    return found


def releases(*arguments: str | Path) -> Done:
    return tinyops("releases", *arguments)


def answer(*arguments: str | Path, status: int = 0) -> Any:
    done = releases(*arguments, "--json")
    assert done.status == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_list_has_the_newest_first_and_says_where_features_are_computed(bundles: list[Bundle]) -> None:
    lines = releases("list").stdout.splitlines()[2:]
    assert [line.split()[0] for line in lines] == [bundle.release_id for bundle in reversed(bundles)]
    assert "computed on the board by micro_frontend, version 1" in lines[0]
    assert lines[0].rstrip().endswith("yes")
    assert "computed on the host: not on the board" in lines[1]
    assert lines[1].rstrip().endswith("no")
    assert "nothing is said" in lines[2]
    listed = answer("list")
    assert [row["release"] for row in listed] == [bundle.release_id for bundle in reversed(bundles)]
    assert [row["promoted"] for row in listed] == [True, False, False]
    assert listed[0]["manifest"]["front_end"]["parameters"] == {"rate": 16_000}


def test_a_damaged_release_is_listed_with_what_is_wrong(bundles: list[Bundle]) -> None:
    (bundles[0].folder / IMAGE_FILE).write_bytes(b"torn")
    row = answer("list")[-1]
    assert (row["release"], row["manifest"]) == ("1.0.0+1", None)
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
    assert "card: .tinyops/releases/1.0.0+3/model_card.html" in shown.stdout
    assert "card: none" in releases("show", "1.0.0+1").stdout
    assert answer("show", "1.0.0+3")["model_card"]["stated"]["intended_use"] == "to read meters"
    assert answer("show", "1.0.0+1")["model_card"] is None
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


def test_the_format_of_model_cards_is_printed() -> None:
    done = releases("card-schema")
    assert (done.status, done.stdout) == (0, card_schema())
