"""The files of a project."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edge_deployer.errors import TinyopsError
from pipeline.init.proposal import Choice, Network, Proposal
from pipeline.init.write import module_name, project_name, require_new, source_from, write_project
from pipeline.project.config import load_config

TABLE = Proposal(
    kind="arrays",
    data=(
        Choice("input", "x", "why"),
        Choice("shape", [6]),
        Choice("label", "what"),
        Choice("classes", ["yes", "no", "größer: #1"], "w" * 100),
        Choice("splits", {"train": 4, "eval": 1}),
        Choice("features", "none"),
    ),
    evaluate=(Choice("min_accuracy", 0.6),),
    acceptance=(Choice("alpha", 0.1),),
    epochs=20,
    network="table",
    shape=(6,),
    classes=3,
    outputs=1,
    weighs_classes=True,
    found=(),
)
SHAPES: dict[Network, tuple[int, ...]] = {
    "speech": (48, 40),
    "sound": (48, 40),
    "motion": (40, 3),
    "strokes": (32, 32, 1),
    "pictures": (24, 40, 3),
    "table": (6,),
    "signal": (80,),
}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    config_file, *_ = write_project(tmp_path / "wines", TABLE, tmp_path / "data.npz")
    text = config_file.read_text()
    assert yaml.safe_load(text)["data"]["classes"] == ["yes", "no", "größer: #1"]
    assert max(map(len, text.splitlines())) <= 120
    config = load_config(config_file)
    assert (config.name, config.data.source) == ("wines", tmp_path / "wines" / "../data.npz")
    assert config.acceptance.alpha == 0.1


def test_data_stays_where_it_is(tmp_path: Path) -> None:
    assert source_from(tmp_path / "a" / "project", tmp_path / "data") == "../../data"
    assert source_from(Path("/nowhere/project"), tmp_path) == str(tmp_path.resolve())


def test_a_link_to_data_leads_to_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "deep" / "data").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "data")
    assert source_from(tmp_path / "project", tmp_path / "link") == "../deep/data"


@pytest.mark.parametrize(
    ("folder", "name", "module"),
    [("Door bell!", "Door-bell", "door_bell"), ("json", "json", "json_model"), ("class", "class", "class_model")],
)
def test_names_are_made_of_the_folders(folder: str, name: str, module: str) -> None:
    assert (project_name(Path(folder)), module_name(name)) == (name, module)


def test_a_folder_without_a_letter_names_nothing() -> None:
    with pytest.raises(TinyopsError, match="'2026' names no project"):
        project_name(Path("2026"))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    require_new(tmp_path / "new")
    require_new(tmp_path)
    (tmp_path / "mine.txt").write_text("")
    for taken in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(TinyopsError, match="is there already, and not empty"):
            require_new(taken)


def test_every_module_passes_its_own_test_and_the_linter(tmp_path: Path) -> None:
    """Of each network, of classes and of values, with features of the board's and of the host's."""
    folders = []
    for network, shape in SHAPES.items():
        classes = replace(TABLE, network=network, shape=shape, data=(*TABLE.data[:-1], Choice("features", "scale")))
        values = replace(classes, classes=0, outputs=2, weighs_classes=False)
        hosts = replace(classes, data=TABLE.data)
        for variant, proposal in {"c": classes, "v": values, "h": hosts}.items():
            if not (variant == "v" and network in ("speech", "sound")):
                folders.append(write_project(tmp_path / f"{network}_{variant}", proposal, "data")[0].parent)
    command = [sys.executable, "-m", "ruff"]
    style = ["--isolated", "--no-cache", "--line-length", "120"]
    rules = ["--select", "E,F,I,B,UP,SIM,RUF", "--config", "lint.isort.known-first-party=['components']"]
    subprocess.run([*command, "check", *style, *rules, *folders], check=True)
    subprocess.run([*command, "format", "--check", *style, *folders], check=True)
    tests = [sys.executable, "-m", "pytest", "-q", "--import-mode=prepend", "-p", "no:cacheprovider", *folders]
    done = subprocess.run(tests, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{2 * len(folders)} passed" in done.stdout
