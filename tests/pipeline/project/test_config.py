from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.project.config import DEFAULT_CONFIG, load_config

REGRESSION = {"data.label": None, "data.classes": None, "data.target": "height"}


def test_the_default_project_is_right() -> None:
    config = load_config(DEFAULT_CONFIG)
    assert config.data.source == "digits"
    assert config.data.classes == [str(digit) for digit in range(10)]
    assert config.slices == ("label",)
    assert config.load_profile().name == "cortex-m4"


def test_only_data_and_module_are_needed_and_paths_count_from_the_file(project: Callable, tmp_path: Path) -> None:
    config = load_config(project())
    assert config.data.source == tmp_path / "data.npz"
    assert config.train.module == tmp_path / "vibration.py"
    assert config.data.splits.buckets == {"train": 4, "eval": 1}


def test_what_the_model_is_for_is_text_that_is_kept_as_it_stands(project: Callable) -> None:
    stated = load_config(project({"card": {"intended_use": "to hear a worn bearing\nin a pump\n"}})).card
    assert stated.intended_use == "to hear a worn bearing\nin a pump"
    assert stated.licence is None
    assert load_config(project()).card.intended_use is None


def test_a_profile_file_counts_from_the_config(project: Callable, tmp_path: Path) -> None:
    assert load_config(project({"board_profile": "board.yaml"})).board_profile == str(tmp_path / "board.yaml")


@pytest.mark.parametrize("task", [{}, {"task": "regression"}])
def test_a_target_makes_a_regression(project: Callable, task: dict[str, str]) -> None:
    asked = {"evaluate.max_mae": 2, "acceptance.mae": {"ceiling": 2, "margin": 1}}
    config = load_config(project({**REGRESSION, **task, **asked, "data.group": "person"}))
    assert config.is_regression
    assert (config.data.class_field, config.class_names, config.data.target) == (None, [], "height")
    assert config.slices == ("person",)
    assert (config.evaluate.max_mae, config.evaluate.max_rmse, config.evaluate.max_rise) == (2, None, 0.05)
    assert load_config(project(REGRESSION)).slices == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data.colour": "red"}, "data.colour: unknown key"),
        ({"card.purpose": "to hear a worn bearing"}, "card.purpose: unknown key"),
        ({"card.licence": " "}, "card.licence"),
        ({**REGRESSION, "data.label": "kind"}, "both label and target"),
        ({"task": "regression"}, "task regression needs data.target"),
        ({**REGRESSION, "task": "binary"}, "data.target is of a regression; task binary has data.label"),
        ({**REGRESSION, "evaluate.min_accuracy": 0.9}, "evaluate.min_accuracy is not of a regression; max_mae"),
        ({**REGRESSION, "evaluate.max_drop": 0.02}, "evaluate.max_drop is not of a regression; max_rise is"),
        ({**REGRESSION, "evaluate.threshold": 0.5}, "evaluate.threshold is not of a regression"),
        ({**REGRESSION, "acceptance.auc": {"floor": 0.9}}, "acceptance.auc is not of a regression"),
        ({**REGRESSION, "evaluate.max_mae": 0}, "evaluate.max_mae = 0"),
        ({"evaluate.max_rmse": 2}, "evaluate.max_rmse is of a regression, which has data.target"),
        ({"data.label": None}, "label: missing"),
        ({"data.classes": ["one"]}, "data.classes"),
        ({"data.classes": None}, "classes: missing"),
        ({"data.target": "force"}, "give one of them"),
        ({"data.kind": "smells"}, "there are arrays, audio, images, motion"),
        ({"data.splits": {"eval": 1, "eval_groups": ["a"]}}, "hash buckets; give one of them"),
        ({"data.splits": {"field": "part", "eval_groups": ["a"]}}, "both divide the records"),
        ({"data.features": "mfcc"}, "data.features"),
        ({"data.classes": ["one", "one"]}, "two classes have the same name"),
        ({"data.group": "kind"}, "must have different names"),
        ({"data.splits": {"eval": 0}}, "data.splits.eval = 0"),
        ({"train.epochs": "many"}, "train.epochs = 'many'"),
        ({"evaluate.min_accuracy": 95}, "evaluate.min_accuracy = 95"),
        ({"acceptance.luck": 1}, "acceptance.luck: unknown key"),
        ({"name": "../x"}, "name = '../x'"),
        ({"name": "strokes-"}, "a letter first, a letter or a digit last"),
        ({"name": "strokes_"}, "name = 'strokes_'"),
        ({"task": "anomaly", "data.classes": ["a", "b", "c"]}, "task anomaly has two classes, not 3"),
        ({"task": "classification", "evaluate.min_recall": 0.5}, "evaluate.min_recall is of a binary task"),
        ({"data.classes": ["a", "b", "c"], "evaluate.min_precision": 0.5}, "evaluate.min_precision is of a binary"),
        ({"task": "classification", "acceptance.auc": {"floor": 0.9}}, "acceptance.auc is of a binary task"),
        ({"task": "anomaly", "acceptance.accuracy": {"floor": 0.9}}, "acceptance.accuracy is of classes"),
        ({"acceptance.mae": {"ceiling": 1, "margin": 1}}, "acceptance.mae is of a regression"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(project: Callable, changes: dict[str, Any], said: str) -> None:
    path = project(changes)
    with pytest.raises(TinyopsError) as refused:
        load_config(path)
    assert said in refused.value.message
    assert str(path) in refused.value.message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="does not exist"):
        load_config(tmp_path / "tinyops.yaml")


@pytest.mark.parametrize("text", ["data: [", "\x00", "- a list", "", "name: 2024-02-31", "name: 2024-13-01"])
def test_a_file_that_is_no_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "tinyops.yaml").write_text(text)
    with pytest.raises(TinyopsError, match=r"tinyops\.yaml"):
        load_config(tmp_path / "tinyops.yaml")
