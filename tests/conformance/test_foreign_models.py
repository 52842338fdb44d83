"""Models that nobody here wrote go through `tinyops push` on virtual boards, as a user would push them.

They are not part of the project; see `CONTRIBUTING.md` for where they are looked for.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conformance.shared import INPUTS, MODELS, needs_models
from tests.edge_deployer.cli.command import tinyops
from tests.edge_deployer.inventories import virtual, write_inventory, write_profile
from tests.edge_deployer.outcomes import assert_outcome

RUNNABLE = [
    "mlcommons_tiny/ad01_int8.tflite",
    "mlcommons_tiny/kws_ref_model.tflite",
    "mlcommons_tiny/pretrainedResnet_quant.tflite",
    "tflite_micro/audio_preprocessor_int8.tflite",
    "tflite_micro/hello_world_float.tflite",
    "tflite_micro/hello_world_int8.tflite",
    "tflite_micro/keyword_scrambled_8bit.tflite",
    "tflite_micro/micro_speech_quantized.tflite",
    "tflite_micro/person_detect.tflite",
    "tflite_micro/trained_lstm_int8.tflite",
]
REJECTED = {
    "mlcommons_tiny/kws_ref_model_float32.tflite": "Hybrid models are not supported",
    "tflite_micro/person_detect_vela.tflite": "ethos-u",
    "tflite_micro/simple_add_model.tflite": "more than one input",
}

pytestmark = needs_models


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """One board per pool, on a line fast enough that 300 kB of model take a second."""
    write_profile(tmp_path, "fast", line_rate=4_000_000)
    return write_inventory(tmp_path, [virtual(pool, pool) for pool in ("staging", "production")])


FEW_SAMPLES = {"samples": 48, "labels": {"bad": 0.2}, "outputs": {"bad": 0.2}}
"""The default plan asks for up to 400 of a model's samples, and some of these models are slow."""


def push(model: str, inventory: Path, *options: str) -> tuple[int, dict[str, str]]:
    where = ["--inventory", inventory, "--workspace", inventory.parent / "workspace"]
    done = tinyops("push", MODELS / model, "--json", *where, *options)
    return done.status, json.loads(done.stdout)


@pytest.mark.parametrize("model", RUNNABLE)
def test_a_model_that_tflm_runs_is_promoted(model: str, inventory: Path) -> None:
    plan = inventory.with_name("plan.yaml")
    plan.write_text(yaml.safe_dump(FEW_SAMPLES))
    status, outcome = push(model, inventory, "--plan", str(plan))
    assert_outcome(outcome, "promoted")
    assert status == 0
    facts = json.loads(Path(outcome["report"]).with_name("report.json").read_text())
    checks = {check["name"]: check["status"] for check in facts["deployment"]["boards"][0]["verdict"]["checks"]}
    assert checks["outputs"] == "passed"
    assert checks["power_cycle"] == "passed"


@pytest.mark.parametrize(("model", "reason"), REJECTED.items())
def test_a_model_that_no_board_can_run_is_rejected_with_the_reason(model: str, reason: str, inventory: Path) -> None:
    status, outcome = push(model, inventory)
    assert_outcome(outcome, "refused", at="validation")
    assert status == 3
    assert reason in outcome["reason"]
    assert not (inventory.parent / "workspace" / "boards").exists(), "no board was powered"


def test_labelled_pictures_are_named_right_on_the_board(tmp_path: Path, inventory: Path) -> None:
    folder = INPUTS / "tflite_micro" / "person_detection"
    # The bitmaps hold the model's stored int8 values as bit patterns.
    pictures = [np.asarray(Image.open(folder / name)).view(np.int8) for name in ("no_person.bmp", "person.bmp")]
    np.savez(tmp_path / "people.npz", inputs=np.stack(pictures)[..., None], labels=np.array([0, 1]))
    bad = {"bad": 0.95}
    plan = {"labels": bad, "outputs": bad, "accuracy": {"floor": 0.98, "margin": 0.95}, "against_production": None}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    options = ["--data", str(tmp_path / "people.npz"), "--plan", str(tmp_path / "plan.yaml")]
    status, outcome = push("tflite_micro/person_detect.tflite", inventory, *options)
    assert_outcome(outcome, "promoted")
    assert status == 0


def test_every_shared_model_is_in_a_list() -> None:
    """A model that is added to the folder is not passed over."""
    present = {str(path.relative_to(MODELS)) for path in MODELS.rglob("*.tflite")}
    assert present == {*RUNNABLE, *REJECTED}
