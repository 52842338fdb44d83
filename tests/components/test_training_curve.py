from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.training_curve import FILE_NAME, read_training_curve

WHOLE = {
    "train": {"loss": [2.0, float("nan")], "accuracy": [0.1, 0.5]},
    "eval": {"loss": [2.1, 1.1], "accuracy": [0.2, 0.6]},
}


def without(split: str, name: str) -> dict[str, Any]:
    return {**WHOLE, split: {key: values for key, values in WHOLE[split].items() if key != name}}


def test_a_curve_is_read_even_of_a_training_that_diverged(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps(WHOLE))
    curve = read_training_curve(tmp_path)
    assert curve is not None
    assert curve.eval.accuracy == [0.2, 0.6]
    assert curve.train.loss[1] != curve.train.loss[1], "NaN stays NaN"


def test_the_curve_of_a_regression_has_no_accuracy(tmp_path: Path) -> None:
    losses = {split: {"loss": curve["loss"]} for split, curve in WHOLE.items()}
    (tmp_path / FILE_NAME).write_text(json.dumps(losses))
    curve = read_training_curve(tmp_path)
    assert curve is not None
    assert (curve.train.accuracy, curve.eval.accuracy) == (None, None)
    assert curve.eval.loss == [2.1, 1.1]


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\xff{",
        b"[]",
        json.dumps(without("train", "loss")).encode(),
        json.dumps(without("train", "accuracy")).encode(),
        json.dumps({**WHOLE, "eval": {"loss": [1.0], "accuracy": [0.5]}}).encode(),
        json.dumps({split: {"loss": [], "accuracy": []} for split in WHOLE}).encode(),
        json.dumps({**WHOLE, "eval": {"loss": ["low", "lower"], "accuracy": [0.5, 0.6]}}).encode(),
    ],
    ids=["empty", "not text", "a list", "no loss", "accuracy of one", "unequal", "no epoch", "words"],
)
def test_what_is_no_curve_is_as_good_as_none(tmp_path: Path, caplog: pytest.LogCaptureFixture, contents: bytes) -> None:
    assert read_training_curve(tmp_path) is None
    assert not caplog.records
    (tmp_path / FILE_NAME).write_bytes(contents)
    assert read_training_curve(tmp_path) is None
    assert FILE_NAME in caplog.text
