from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.project.preflight import load_project
from tests.pipeline.templates.whole_run import copied, template_names

TEMPLATES = {
    "digits": ("arrays", [8, 8]),
    "gestures": ("motion", [24, 24, 1]),
    "image": ("images", [32, 32, 3]),
    "speech": ("audio", [49, 32]),
}
"""Kind of data, and shape of the features."""


def test_all_templates_are_here() -> None:
    assert list(template_names()) == list(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_copy_loads_and_has_the_functions_that_a_run_calls(name: str, tmp_path: Path) -> None:
    project = load_project(copied(name, tmp_path))
    assert project.config.name == name
    assert project.config.data.kind == TEMPLATES[name][0]
    assert project.config.board_profile == "cortex-m4"
    defined = {node.name for node in ast.parse(project.module.path.read_text()).body if hasattr(node, "name")}
    assert {"preprocessing_fn", "build_model", "run_fn"} <= defined
    # A release has the tests beside what they test.
    assert [path.name for path in project.module.sources] == [f"{name}.py"]
    assert [path.name for path in project.module.tests] == [f"test_{name}.py"]


@pytest.mark.parametrize("name", ["gestures", "image", "speech"])
def test_a_board_computes_the_features(name: str, tmp_path: Path) -> None:
    from components.sensor_example_gen.features.known import front_end_of

    project = load_project(copied(name, tmp_path))
    assert front_end_of(project.config.data.features).on_board
    assert project.shape == tuple(TEMPLATES[name][1])


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_copy_compiles_for_kubeflow_without_its_data(name: str, tmp_path: Path) -> None:
    """The module is told the shape all the same."""
    tasks = compile_project(copied(name, tmp_path)).spec["root"]["dag"]["tasks"]
    asked = tasks["Trainer"]["inputs"]["parameters"]["custom_config"]["runtimeValue"]["constant"]
    assert json.loads(asked).get("shape") == TEMPLATES[name][1]
