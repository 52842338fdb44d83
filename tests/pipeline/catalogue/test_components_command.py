"""`tinyops components` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_deployer.errors import TinyopsError
from pipeline.cli.components import components
from pipeline.project.component_names import COMPONENTS
from tests.pipeline.catalogue.conftest import IMAGE
from tests.processes import loaded_with


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(components, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(*arguments: str | Path) -> TinyopsError:
    result = CliRunner().invoke(components, [str(argument) for argument in arguments])
    assert isinstance(result.exception, TinyopsError)
    return result.exception


def test_the_command_module_imports_nothing_heavy() -> None:
    heavy = {"numpy", "pydantic", "yaml", "rich", "kfp", "tensorflow", "tfx", "components"}
    assert not heavy & loaded_with("pipeline.cli.components")


def test_list_has_a_line_for_each_component_in_order() -> None:
    lines = run("list").splitlines()
    assert [line.split()[0] for line in lines] == list(COMPONENTS)
    assert "    Fails when the release does not run on the production boards." in lines[-1]
    assert [one["name"] for one in json.loads(run("list", "--json"))] == list(COMPONENTS)


def test_show_says_what_a_component_takes_and_makes() -> None:
    text = run("show", "SensorExampleGen")
    assert "\n\n  Recordings, pictures or arrays as TFX examples, with the features that a board can compute.\n" in text
    assert "task.set_caching_options(False)" in text
    assert "  data_file: STRING\n" in text
    assert "  data: STRING\n" in text
    assert "  replace: NUMBER_INTEGER, optional\n" in run("show", "TFLMPusher")
    assert "      default: components.tflm_evaluator.extractor\n" in run("show", "TFLMEvaluator")
    assert '      example: {"kind": "arrays", ' in text
    assert "outputs:\n  examples: tfx.Examples\n" in text
    assert "inputs:" not in text


def test_show_prints_json() -> None:
    shown = json.loads(run("show", "TFLMPusher", "--json"))
    assert (shown["name"], shown["cacheable"]) == ("TFLMPusher", False)
    (plan,) = [parameter for parameter in shown["parameters"] if parameter["name"] == "plan"]
    assert (plan["type"], plan["optional"], plan["default"]) == ("STRING", False, None)
    assert json.loads(plan["example"])["samples"]


def test_export_writes_what_is_named_and_all_without(tmp_path: Path) -> None:
    some = json.loads(run("export", "Trainer", "ProjectSchema", "-o", tmp_path / "a" / "b", "--image", IMAGE, "--json"))
    assert some == {name: str(tmp_path / "a" / "b" / f"{name}.yaml") for name in ("Trainer", "ProjectSchema")}
    assert sorted(file.name for file in (tmp_path / "a" / "b").iterdir()) == ["ProjectSchema.yaml", "Trainer.yaml"]
    lines = run("export", "-o", tmp_path / "all", "--image", IMAGE).splitlines()
    assert lines == [str(tmp_path / "all" / f"{name}.yaml") for name in COMPONENTS]
    assert (tmp_path / "all" / "Trainer.yaml").read_bytes() == Path(some["Trainer"]).read_bytes()


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("trainer", "take Trainer or"),
        ("TFLMPush", "TFLMPusher"),
        ("tflite-converter", "take TFLiteConverter"),
        ("zzz", "take one of SensorExampleGen, StatisticsGen"),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_are_close(tmp_path: Path, name: str, close: str) -> None:
    for error in (refusal("show", name), refusal("export", "Trainer", name, "-o", tmp_path / "x", "--image", IMAGE)):
        assert error.message == f"there is no component {name!r}"
        assert close in error.remedy
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("image", "why"), [("tinyops/pipeline", "needs a tag or a digest"), ("tinyops/pipeline:latest", "tag `latest`")]
)
def test_an_image_that_is_another_one_tomorrow_is_refused(tmp_path: Path, image: str, why: str) -> None:
    error = refusal("export", "-o", tmp_path / "x", "--image", image)
    assert error.message.startswith(f"--image {image}: ")
    assert why in error.message
    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_a_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refusal("export", "Trainer", "-o", tmp_path / "file", "--image", IMAGE)
    assert error.message.startswith(f"folder {tmp_path / 'file'} cannot be made")
    assert "--output" in error.remedy


def test_stdout_has_the_answer_and_nothing_that_libraries_say() -> None:
    program = "from pipeline.cli.components import components; components()"
    command = [sys.executable, "-c", program, "show", "PromotionGate"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("PromotionGate\n\n  Fails when")
    assert done.stderr == ""
