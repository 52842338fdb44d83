"""`tinyops check`: what is known before the training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge_deployer.cli.exit_status import EXIT_REFUSED
from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from pipeline.cli.check import check
from pipeline.local.checking import network
from pipeline.local.checking.check import check_project
from pipeline.local.checking.line import Line
from pipeline.project.quiet_libraries import ENVIRONMENT
from pipeline.project.workspace import Workspace
from tests.processes import loaded_with
from tests.warm_start import warm_start

MODULE = """
import tensorflow as tf
import tensorflow_transform as tft

def preprocessing_fn(inputs):
    scaled = tft.scale_to_z_score(inputs["sound"])
    return {{"sound": tf.concat([scaled, scaled], axis=1), "kind": inputs["kind"]}}

def build_model({parameters}):
    print("words of the user's")
    return tf.keras.Sequential(
        [tf.keras.Input((8,), name=config["input"]), tf.keras.layers.Dense({width}, activation={activation!r}),
         tf.keras.layers.Dense(config["classes"], activation="softmax")]
    )

def run_fn({given}):
    raise AssertionError("trained")
"""
RIGHT = {"parameters": "config", "width": 4, "activation": "relu", "given": "fn_args"}


def found(config: Path, tmp_path: Path) -> dict[str, Line]:
    """The lines by name; of those with the same name the last."""
    return {line.name: line for line in check_project(config, Workspace(tmp_path / "workspace"))}


def states(lines: dict[str, Line], state: str) -> Sequence[str]:
    return [name for name, line in lines.items() if line.state == state]


@pytest.fixture
def built(project: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Writes a project with a network; the board's profile may be changed, and anything in the module."""

    def write(profile: dict[str, Any] | None = None, changes: dict[str, Any] | None = None, **module: Any) -> Path:
        ours = load_profile("cortex-m4").model_copy(update={"name": "ours", **(profile or {})})
        (tmp_path / "ours.yaml").write_text(yaml.safe_dump(ours.model_dump()))
        boards = [{"name": f"b{place}", "pool": pool, "profile": "ours.yaml", "virtual": True} for place, pool in POOLS]
        (tmp_path / "boards.yaml").write_text(yaml.safe_dump({"boards": boards}))
        config = project({"board_profile": "ours.yaml", "deploy.inventory": "boards.yaml", **(changes or {})})
        (tmp_path / "vibration.py").write_text(MODULE.format(**{**RIGHT, **module}))
        return config

    return write


@pytest.fixture(scope="module")
def loaded_worker() -> Iterator[Callable[[str], list[str]]]:
    with warm_start(["pipeline.local.checking.examination"], ENVIRONMENT) as command:
        yield command


@pytest.fixture(autouse=True)
def warm(loaded_worker: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is a fork that has imported TensorFlow, as it is not where the tutorial is run."""
    monkeypatch.setattr(network, "module_command", lambda module, **_: loaded_worker(module))


POOLS = list(enumerate(["staging", "staging", "production"]))


def test_the_command_module_imports_nothing_heavy() -> None:
    heavy = {"numpy", "pydantic", "yaml", "tensorflow", "tfx", "components"}
    assert not heavy & loaded_with("pipeline.cli.check")


def test_a_right_project(built: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(built(changes={"data.group": "person"}), workspace=tmp_path / "workspace", as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["outcome"] == "passed"
    told = {line["name"]: line["told"] for line in answer["lines"]}
    assert told["data"].startswith("60 records in data.npz: train ")
    assert told["groups"].startswith("by person: train ")
    assert told["functions"] == "preprocessing_fn(inputs), build_model(config), run_fn(fn_args)"
    # Analysed by TensorFlow Transform, which `preprocessing_fn` alone cannot do.
    assert told["preprocessing"] == "values a sample: kind 1, sound 8"
    assert told["network"].startswith("46 parameters")
    assert told["operators"] == "2 FULLY_CONNECTED, 1 SOFTMAX"
    assert "of 262" in told["arena"]
    assert told["latency"].startswith("about ")


def test_lines_are_printed_with_their_remedies_and_the_status_is_that_of_a_refusal(
    project: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = project({"train.module": "absent.py", "deploy.release_version": "1.0", "acceptance": None})
    with pytest.raises(SystemExit) as ended:
        check(config, workspace=tmp_path / "workspace", as_json=False)
    assert ended.value.code == EXIT_REFUSED
    printed = capsys.readouterr().out
    assert "✓ board profile  cortex-m4" in printed
    for failed in ("release        release version '1.0'", "module ", "samples        eval has 11 samples"):
        assert f"✗ {failed}" in printed
    assert printed.count("remedy: ") == 3
    assert "- network        not looked at" in printed


def test_a_project_file_that_is_wrong_is_an_error(project: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="train"):
        check(project({"train": None}), workspace=tmp_path / "workspace")


def test_data_that_is_wrong_ends_only_what_depends_on_it(project: Callable[..., Path], tmp_path: Path) -> None:
    config = project({}, {"kind": np.zeros(60, int)})
    (tmp_path / "vibration.py").write_text("def preprocessing_fn(inputs): ...\n")
    lines = found(config, tmp_path)
    assert states(lines, "failed") == ["module", "data"]
    assert "defines no function 'run_fn'" in lines["module"].told
    assert "with one class there is nothing to tell apart" in lines["data"].told
    assert states(lines, "passed") == ["release", "board profile", "boards"]


def test_recordings_that_cannot_be_read_are_named(project: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    for row in range(60):
        name = f"{'off' if row % 2 else 'on'}_{row}.wav"
        (tmp_path / "sounds" / name).write_bytes(b"ID3 this is no sound" * 20)
    data = {"kind": "audio", "source": "sounds", "names": "{kind}_{take}", "label": "kind", "classes": ["off", "on"]}
    lines = found(project({"data": {**data, "rate": 16000, "window": 1.0}}), tmp_path)
    assert states(lines, "failed") == ["features"]
    assert lines["reading"].told.startswith("60 records were tried: 60 records are wrong format, left out: ")


def test_what_is_odd_about_the_data_is_a_warning(project: Callable[..., Path], tmp_path: Path) -> None:
    lines = found(project({"data.classes": ["off", "on", "broken"]}), tmp_path)
    assert lines["records"].state == "warns"
    assert lines["records"].told == "split eval has no samples of class broken"


def test_a_network_that_does_not_fit_shows_all_by_which_it_is_off(built: Callable[..., Path], tmp_path: Path) -> None:
    budgets = {"acceptance.budgets": {"ours": {"latency_p95_us": 1}}}
    small = {"arena_bytes": 512, "slot_bytes": 8 * 4096, "page_bytes": 4096}
    lines = found(built(small, budgets, width=5000), tmp_path)
    assert states(lines, "failed") == ["flash", "arena", "latency"]
    assert lines["operators"].state == "passed"
    assert "B of 512" in lines["arena"].told
    assert "the plan allows p95 1" in lines["latency"].told
    assert all(lines[name].remedy for name in states(lines, "failed"))


def test_an_operator_that_tflm_lacks(built: Callable[..., Path], tmp_path: Path) -> None:
    lines = found(built(activation="gelu"), tmp_path)
    assert states(lines, "failed") == ["operators"]
    assert "no kernel for the operator GELU" in lines["operators"].told
    assert "without GELU" in lines["operators"].remedy
    assert lines["flash"].state == "passed"


@pytest.mark.parametrize(
    ("module", "name", "said"),
    [
        ({"width": "1 // 0"}, "network", "vibration.py:12: ZeroDivisionError: "),
        ({"given": ""}, "module", "run_fn() cannot be called as run_fn(fn_args)"),
        ({"width": "__import__('os').abort()"}, "network", "ended on SIGABRT"),
    ],
)
def test_what_the_users_code_does_is_told_as_a_line(
    built: Callable[..., Path], tmp_path: Path, module: dict[str, Any], name: str, said: str
) -> None:
    lines = found(built(**module), tmp_path)
    assert states(lines, "failed") == [name]
    assert said in lines[name].told
    assert lines[name].remedy


def test_a_module_without_build_model_is_told_what_it_misses(built: Callable[..., Path], tmp_path: Path) -> None:
    lines = found(built(parameters="config, width"), tmp_path)
    assert lines["network"].state == "warns"
    assert "build_model(config)" in lines["network"].remedy


def test_nothing_is_left_in_the_working_folder(
    project: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = project()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    found(config, Path())
    assert not list(Path().iterdir())
