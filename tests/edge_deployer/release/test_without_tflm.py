"""A machine without TFLM, as a gateway is: what can still be made a release of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tflite

from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import read_bundle
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.validation import validate_model
from edge_deployer.release.validation_report import ValidationReport
from tests.edge_deployer.candidates import one_hot_samples
from tests.edge_deployer.release.reasons import why
from tests.edge_deployer.tiny_models import identity_classifier, two_inputs, with_operator, with_unknown_op

BUILD = """
import sys
sys.modules["tflite_micro"] = None  # what `import` and `find_spec` take for a package that is not installed

from pathlib import Path

from edge_deployer.release.sample_files import load_samples
from edge_deployer.errors import TinyopsError
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import Candidate, write_bundle
from edge_deployer.release.keys import load_signing_key
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.validation import validate_model

folder, key, has_data = Path(sys.argv[1]), load_signing_key(Path(sys.argv[2])), sys.argv[3] == "with data"
model = (folder / "model.tflite").read_bytes()
data = load_samples(folder / "data.npz") if has_data else None
try:
    found = validate_model(model, load_profile("cortex-m4"), data, acceptance_samples=24, seed=0)
except TinyopsError as error:
    sys.exit(str(error))
print(found.report.model_dump_json())
if found.acceptance:
    candidate = Candidate(
        name="m", model=model, acceptance=found.acceptance, arena_bytes=found.report.arena_bytes,
        board_profile="cortex-m4", provenance=Provenance(), metrics={}, sources={},
    )
    write_bundle(candidate, folder / "bundle", version="1.0.0+1", key=key)
"""


def build(folder: Path, key: SigningKey, model: bytes, **arrays: np.ndarray) -> subprocess.CompletedProcess[str]:
    (folder / "model.tflite").write_bytes(model)
    np.savez(folder / "data.npz", **arrays)
    command = [sys.executable, "-c", BUILD, folder, key.path, "with data" if arrays else "without"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_labelled_data_makes_a_release_without_reference(tmp_path: Path, signing_key: SigningKey) -> None:
    samples = one_hot_samples(4, 40)
    assert samples.labels is not None
    done = build(tmp_path, signing_key, identity_classifier(4), inputs=samples.values, labels=samples.labels)
    assert done.returncode == 0, done.stderr
    report = ValidationReport.model_validate_json(done.stdout)
    assert (report.blessed, report.reference, report.metric, report.eval_samples) == (True, False, "accuracy", 40)
    assert (report.arena_bytes, report.quality, report.figures, report.confusion) == (None, None, {}, None)
    assert (report.operators, report.macs) == ({"FULLY_CONNECTED": 1}, 16)
    bundle = read_bundle(tmp_path / "bundle", public_pem=signing_key.public_pem)
    assert bundle.manifest.arena_bytes is None
    assert bundle.acceptance.outputs is None
    assert bundle.acceptance.metric == "accuracy"
    with_tflm = validate_model(
        identity_classifier(4), load_profile("cortex-m4"), samples, acceptance_samples=24, seed=0
    )
    assert with_tflm.acceptance is not None
    np.testing.assert_array_equal(bundle.acceptance.inputs, with_tflm.acceptance.inputs)
    assert (bundle.acceptance.input, bundle.acceptance.output) == (
        with_tflm.acceptance.input,
        with_tflm.acceptance.output,
    )


def test_targets_make_a_release_without_reference(tmp_path: Path, signing_key: SigningKey) -> None:
    inputs = np.zeros((3, 1), np.int8)
    done = build(tmp_path, signing_key, identity_classifier(1), inputs=inputs, targets=np.zeros(3))
    assert done.returncode == 0, done.stderr
    assert read_bundle(tmp_path / "bundle", public_pem=signing_key.public_pem).acceptance.metric == "mae"


@pytest.mark.parametrize("arrays", [{}, {"inputs": np.zeros((3, 4), np.int8)}], ids=["no data", "no labels"])
def test_without_labels_the_remedy_names_both_ways(
    tmp_path: Path, signing_key: SigningKey, arrays: dict[str, np.ndarray]
) -> None:
    done = build(tmp_path, signing_key, identity_classifier(4), **arrays)
    assert done.returncode == 1
    assert "the package tflite_micro is not installed" in done.stderr
    assert ".[sim]" in done.stderr
    assert "labelled data and a floor" in done.stderr
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (with_unknown_op(), "TFLM has no kernel for the model's custom operator 'made-up-op'"),
        (with_operator(tflite.BuiltinOperator.POW), "TFLM has no kernel for the operator POW"),
        (two_inputs(), "the model has more than one input"),
        (b"not a model at all", "these 18 bytes are not a TFLite model: no TFL3 identifier"),
    ],
)
def test_what_the_file_shows_is_refused_without_running_it(
    tmp_path: Path, signing_key: SigningKey, model: bytes, reason: str
) -> None:
    inputs = np.zeros((3, 4), np.int8)
    done = build(tmp_path, signing_key, model, inputs=inputs, labels=np.arange(3))
    assert done.returncode == 0, done.stderr
    report = ValidationReport.model_validate_json(done.stdout)
    assert (report.blessed, why(report)) == (False, reason)
