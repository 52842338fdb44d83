"""An inventory that is a folder of files: what is read, and what a mistake between two files says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import load_inventory
from edge_deployer.release.keys import SigningKey

STAGING = "boards: [{name: s1, pool: staging, virtual: true}]\n"
POOLS = ("staging", "spare", "production", "staging", "production", "spare", "staging", "production")
PRODUCTION = 'boards: [{name: p1, pool: production, url: "socket://127.0.0.1:5000"}]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An inventory of two files."""
    path = tmp_path / "inventory"
    path.mkdir()
    (path / "10-staging.yaml").write_text(STAGING)
    (path / "20-production.yml").write_text(PRODUCTION)
    return path


def names(folder: Path) -> list[str]:
    return [board.name for board in load_inventory(folder).boards]


def test_the_files_are_one_inventory_in_the_order_of_their_names(folder: Path) -> None:
    assert names(folder) == ["s1", "p1"]
    (folder / "05-more.yaml").write_text(STAGING.replace("s1", "s0"))
    assert names(folder) == ["s0", "s1", "p1"]


def test_other_files_hidden_ones_and_folders_below_are_left_alone(folder: Path) -> None:
    for name in ("README.md", "boards.yaml~", ".#10-staging.yaml", "key.pem"):
        (folder / name).write_text("boards: [")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "mine.yaml").write_text("boards: [")
    assert names(folder) == ["s1", "p1"]


def test_a_mounted_config_map_is_read(tmp_path: Path) -> None:
    """Kubernetes mounts each key as a link through a hidden folder."""
    (tmp_path / "..2026_03").mkdir()
    (tmp_path / "..data").symlink_to("..2026_03")
    (tmp_path / "..2026_03" / "boards.yaml").write_text(STAGING)
    (tmp_path / "..2026_03" / "more.yaml").write_text(PRODUCTION)
    for name in ("boards.yaml", "more.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert names(tmp_path) == ["s1", "p1"]


def test_relative_paths_count_from_the_file_s_folder(
    folder: Path, signing_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "plan.yaml").write_text("seed: 1")
    (folder / "below" / "release.pem").write_bytes(signing_key.public_pem)
    (folder / "10-staging.yaml").write_text(
        "public_key: below/release.pem\n" + STAGING.replace("virtual: true", "virtual: true, faults: below/plan.yaml")
    )
    monkeypatch.chdir(folder.parent)
    inventory = load_inventory(Path("inventory"))
    assert inventory.boards[0].faults == folder / "below" / "plan.yaml"
    assert inventory.public_key == (Path("inventory/below/release.pem"),)


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("30.yaml", STAGING, ["board names stand twice: s1", "10-staging.yaml and in", "30.yaml"]),
        ("30.yaml", PRODUCTION.replace("p1", "p2"), ["p1 in", "20-production.yml and p2 in", "30.yaml are the same"]),
        ("30.yaml", "boards: [", ["30.yaml is not YAML"]),
        ("30.yaml", "boards: [{name: x}]", ["30.yaml: boards.0.pool: missing"]),
        ("30.yaml", "name: cortex-m4", ["30.yaml has no `boards`"]),
        ("30.yaml", "", ["30.yaml has no `boards`"]),
        ("20-production.yml", "boards: []", ["no board is in the production pool"]),
    ],
)
def test_a_mistake_names_the_files(folder: Path, file: str, text: str, words: list[str]) -> None:
    (folder / file).write_text(text)
    with pytest.raises(TinyopsError) as raised:
        load_inventory(folder)
    for part in (*words, str(folder)):
        assert part in raised.value.message
    assert raised.value.remedy


def test_two_keys_are_refused_and_one_may_stand_in_several_files(folder: Path, signing_key: SigningKey) -> None:
    for name in ("release.pem", "other.pem"):
        (folder / name).write_bytes(signing_key.public_pem)
    (folder / "10-staging.yaml").write_text("public_key: release.pem\n" + STAGING)
    (folder / "20-production.yml").write_text("public_key: ./release.pem\n" + PRODUCTION)
    assert load_inventory(folder).public_key == (folder / "release.pem",)
    (folder / "20-production.yml").write_text("public_key: other.pem\n" + PRODUCTION)
    with pytest.raises(TinyopsError, match=r"`public_key` is .*release\.pem in .*other\.pem in ") as raised:
        load_inventory(folder)
    assert "name the keys" in raised.value.remedy


def test_a_folder_without_an_inventory_is_named(tmp_path: Path) -> None:
    (tmp_path / "boards.txt").write_text(STAGING)
    with pytest.raises(TinyopsError, match=r"no \*\.yaml or \*\.yml file is in the folder"):
        load_inventory(tmp_path)


def test_links_that_lead_nowhere_or_in_a_circle_are_named(folder: Path) -> None:
    link = folder / "30.yaml"
    link.symlink_to("30.yaml")
    with pytest.raises(TinyopsError, match=r"30\.yaml cannot be read: Too many levels of symbolic links"):
        load_inventory(folder)
    link.unlink()
    link.symlink_to("nowhere.yaml")
    with pytest.raises(TinyopsError, match=r"30\.yaml cannot be read: No such file"):
        load_inventory(folder)
    link.unlink()
    link.mkdir()
    with pytest.raises(TinyopsError, match=r"30\.yaml cannot be read: Is a directory"):
        load_inventory(folder)
    circle = folder.parent / "circle"
    circle.symlink_to("circle")
    with pytest.raises(TinyopsError, match=r"circle cannot be read: Too many levels of symbolic links"):
        load_inventory(circle)


def test_a_link_to_a_file_that_is_read_already_has_its_boards_twice(folder: Path) -> None:
    (folder / "again.yaml").symlink_to("10-staging.yaml")
    with pytest.raises(TinyopsError, match="board names stand twice: s1"):
        load_inventory(folder)


@given(cuts=st.lists(st.integers(0, 8), max_size=4))
def test_however_boards_are_divided_among_files_the_inventory_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    boards = [f"  - {{name: b{number}, pool: {pool}, virtual: true}}\n" for number, pool in enumerate(POOLS)]
    folder = tmp_path_factory.mktemp("divided")
    edges = [0, *sorted(cuts), len(boards)]
    for number, (first, last) in enumerate(pairwise(edges)):
        part = "".join(boards[first:last])
        (folder / f"{number}.yaml").write_text(f"boards:\n{part}" if part else "boards: []")
    whole = folder / "whole.txt"
    whole.write_text("boards:\n" + "".join(boards))
    assert load_inventory(folder) == load_inventory(whole)
