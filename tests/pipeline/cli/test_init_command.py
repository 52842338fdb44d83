"""`tinyops init`, as a person or a program calls it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from edge_deployer.errors import TinyopsError
from pipeline.cli.init import init
from pipeline.project.config import DEFAULT_CONFIG
from pipeline.project.preflight import load_project, prepare
from pipeline.project.workspace import Workspace


def call(*arguments: str | Path) -> Result:
    command = typer.Typer()
    command.command()(init)
    return CliRunner().invoke(command, [*map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=random.normal(size=(1200, 5)), label=np.arange(1200) % 3)
    return tmp_path / "data.npz"


def test_it_says_what_it_found_what_it_proposes_and_what_is_next(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    done = call(folder, "--kind", "arrays", "--data", data)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "found: data.npz has 1200 samples: x float64[1200, 5], label int64[1200]"
    assert any(line.startswith("data.classes") and "0, 1, 2" in line for line in lines)
    assert f"written: {folder}/tinyops.yaml, {folder}/out.py, {folder}/test_out.py" in lines
    assert lines[-2:] == [f"next: tinyops check {folder}/tinyops.yaml", f"      tinyops run {folder}/tinyops.yaml"]
    prepare(folder / "tinyops.yaml", Workspace(tmp_path / "workspace"))


def test_a_program_gets_it_as_json(data: Path, tmp_path: Path) -> None:
    done = call(tmp_path / "out", "--kind", "arrays", "--data", data, "--json")
    content = json.loads(done.stdout)
    assert content["files"][0] == str(tmp_path / "out" / "tinyops.yaml")
    proposed = {line["field"]: line for line in content["proposed"]}
    assert proposed["data.classes"]["value"] == ["0", "1", "2"]
    assert proposed["evaluate.min_accuracy"]["why"].startswith("of the int8 model")


def test_what_is_there_is_left_alone(data: Path, tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="is there already, and not empty"):
        call(tmp_path, "--kind", "arrays", "--data", data)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.npz"]


def test_nothing_is_written_where_nothing_can_be_proposed(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="there is no"):
        call(tmp_path / "out", "--kind", "audio", "--data", tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()


def test_arrays_without_data_are_the_digits(tmp_path: Path) -> None:
    done = call(tmp_path / "mine", "--kind", "arrays")
    assert done.exit_code == 0
    project = prepare(tmp_path / "mine" / "tinyops.yaml", Workspace(tmp_path / "workspace"))
    assert project.config.name == "mine"
    assert project.config.data.model_dump() == load_project(DEFAULT_CONFIG).config.data.model_dump()


@pytest.mark.parametrize("kind", ["audio", "motion", "images"])
def test_without_data_it_says_where_to_put_it(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    done = call(folder, "--kind", kind)
    assert "first: put " in done.stdout
    assert f"into {folder / 'recordings'}, a folder for each label" in done.stdout
    assert "Put " in (folder / "recordings" / "README.txt").read_text()
    assert load_project(folder / "tinyops.yaml").shape is not None
    with pytest.raises(TinyopsError, match=r"recordings has no file of"):
        prepare(folder / "tinyops.yaml", Workspace(tmp_path / "workspace"))


def test_help_teaches_with_an_example() -> None:
    assert "tinyops init doorbell --kind audio --data recordings/" in call("--help").stdout
