"""What `tinyops push` promotes, refuses and warns of, on boards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.edge_deployer.cli.command import tinyops
from tests.edge_deployer.inventories import write_fast_inventory
from tests.edge_deployer.outcomes import assert_outcome
from tests.edge_deployer.tiny_models import identity_classifier, rotating_classifier


class Line:
    """Two quick virtual boards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = ["--inventory", str(write_fast_inventory(folder)), "--workspace", str(folder / "workspace")]

    def push(self, model: bytes, *options: str, status: int, **arrays: np.ndarray) -> dict[str, Any]:
        (self.folder / "model.tflite").write_bytes(model)
        data = []
        if arrays:
            np.savez(self.folder / "data.npz", **arrays)
            data = ["--data", str(self.folder / "data.npz")]
        done = tinyops("push", str(self.folder / "model.tflite"), *self.places, *data, "--json", *options)
        assert done.status == status, done.stderr + done.stdout
        return dict(json.loads(done.stdout))

    def report(self, outcome: dict[str, Any]) -> dict[str, Any]:
        return dict(json.loads(Path(outcome["report"]).with_name("report.json").read_text()))


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def one_hot(labels: np.ndarray, classes: int = 4) -> np.ndarray:
    return np.eye(classes, dtype=np.int8)[labels] * 90


LABELS = np.arange(240) % 4


def test_a_labelled_model_that_is_no_better_than_a_constant_is_refused_before_any_board(line: Line) -> None:
    outcome = line.push(rotating_classifier(4), status=3, inputs=one_hot(LABELS), labels=LABELS)
    assert_outcome(outcome, "refused", at="validation")
    assert "accuracy 0.0000 is not better than 0.2500" in outcome["reason"]


def test_a_release_for_another_profile_is_refused_before_any_board_has_power(line: Line) -> None:
    outcome = line.push(identity_classifier(4), "--for", "cortex-m7", "--for", "cortex-m0plus", status=3)
    assert_outcome(outcome, "refused", at="boards")
    assert "the release is for boards of cortex-m7 and cortex-m0plus, and s1 (fast) is one of fast" in outcome["reason"]
    assert not (line.folder / "workspace" / "boards").exists()
    by_hand = tinyops("boards", "install", "s1", outcome["release"], *line.places)
    assert by_hand.status == 3
    assert "the release is for boards of cortex-m7 and cortex-m0plus" in by_hand.stdout + by_hand.stderr
    outcome = line.push(identity_classifier(4), "--for", "fast", status=0, inputs=one_hot(LABELS), labels=LABELS)
    assert_outcome(outcome, "promoted")
    shown = tinyops("releases", "show", "1.0.0+2", "--workspace", line.places[3])
    assert "of fast" in shown.stdout


def test_labels_promote_without_a_caution_and_no_labels_with_one(line: Line) -> None:
    outcome = line.push(identity_classifier(4), status=0, inputs=one_hot(LABELS), labels=LABELS)
    assert_outcome(outcome, "promoted")
    assert (outcome["caution"], outcome["task"]["name"]) == (None, "classification")
    again = line.push(identity_classifier(4), status=0, inputs=one_hot(LABELS))
    assert again["caution"] == "parity only: nothing is known of its accuracy"


def test_agreement_on_inputs_that_all_give_one_answer_is_no_verdict_and_boards_are_taken_back(line: Line) -> None:
    outcome = line.push(identity_classifier(4), status=3, inputs=one_hot(np.full(240, 2)))
    assert_outcome(outcome, "no verdict", at="staging")
    assert "a board that always answered the same output would pass the same test" in outcome["reason"]
    assert outcome["remedy"].startswith("give samples to which the model answers differently")
    assert {board["release"] for board in outcome["boards"]} == {None}


def test_one_output_that_is_a_probability_is_read_at_the_threshold(line: Line) -> None:
    model = identity_classifier(1, scale=1 / 256, zero_point=-128)
    stored = np.random.default_rng(0).permutation(np.repeat(np.linspace(-128, 127, 60).astype(np.int8), 4))
    labels = (stored > 0).astype(int)
    labels[:6] = 1 - labels[:6]
    outcome = line.push(model, status=0, inputs=stored.reshape(-1, 1), labels=labels)
    assert outcome["task"]["name"] == "binary"
    figures = line.report(outcome)["validation"]["figures"]
    assert outcome["figures"] == figures
    assert figures["accuracy"] == pytest.approx(1 - 6 / 240)
    assert 0.9 < figures["auc"] < 1
    np.save(line.folder / "three.npy", np.array([[-100], [0], [90]], np.int8))
    asked = tinyops("boards", "infer", "p1", str(line.folder / "three.npy"), *line.places, "--json")
    assert [sample["class"] for sample in json.loads(asked.stdout)["samples"]] == [0, 0, 1]
    elsewhere = line.push(model, "--threshold", "0.999", status=3, inputs=stored.reshape(-1, 1), labels=labels)
    assert_outcome(elsewhere, "refused", at="validation")
    scored = line.push(model, "--task", "anomaly", "--replace", status=0, inputs=stored.reshape(-1, 1), labels=labels)
    assert list(line.report(scored)["validation"]["figures"]) == ["auc"]


def test_a_model_of_another_kind_takes_productions_place_only_when_it_is_to(line: Line) -> None:
    line.push(identity_classifier(4), status=0, inputs=one_hot(LABELS), labels=LABELS)
    other = one_hot(LABELS, 5)
    outcome = line.push(identity_classifier(5), status=3, inputs=other, labels=LABELS)
    assert_outcome(outcome, "refused", at="boards")
    assert "its input shape [4], the release's is [5]; its number of outputs 4, the release's is 5" in outcome["reason"]
    assert "--replace" in outcome["remedy"]
    assert_outcome(line.push(identity_classifier(5), "--replace", status=0, inputs=other, labels=LABELS), "promoted")


def test_inputs_of_another_shape_are_refused_with_the_way_to_reshape_them(line: Line) -> None:
    outcome = line.push(identity_classifier(4), status=1, inputs=one_hot(LABELS).reshape(-1, 2, 2))
    assert "has shape [2, 2], 4 values" in outcome["error"]["message"]
    assert "inputs.reshape(-1, 4)" in outcome["error"]["remedy"]
