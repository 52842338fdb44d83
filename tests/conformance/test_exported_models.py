"""Models that nobody here wrote, as C sources: the operators that their own firmware adds, and the bytes of their file.

They are not part of the project; see `CONTRIBUTING.md` for where they are looked for.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.export.arena import arena_of
from edge_deployer.export.c_sources import export_c, operator_uses
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import Candidate, write_bundle
from edge_deployer.release.keys import load_or_create_signing_key
from edge_deployer.release.manifest import Provenance
from edge_deployer.release.validation import validate_model
from edge_deployer.tflm import list_operators
from tests.conformance.shared import MODELS, needs_models
from tests.edge_deployer.export.compilers import compile_c, link, output
from tests.edge_deployer.tflm.resolver_methods import METHODS

# What TFLM's examples and benchmarks for these models add to their resolvers.
ADDED = {
    "tflite_micro/micro_speech_quantized.tflite": {
        *("AddReshape", "AddFullyConnected", "AddDepthwiseConv2D", "AddSoftmax"),
    },
    "tflite_micro/audio_preprocessor_int8.tflite": {
        *("AddReshape", "AddCast", "AddStridedSlice", "AddConcatenation", "AddMul", "AddAdd", "AddDiv", "AddMinimum"),
        *("AddMaximum", "AddWindow", "AddFftAutoScale", "AddRfft", "AddEnergy", "AddFilterBank", "AddPCAN"),
        *("AddFilterBankSquareRoot", "AddFilterBankSpectralSubtraction", "AddFilterBankLog"),
    },
    "tflite_micro/person_detect.tflite": {
        *("AddAveragePool2D", "AddConv2D", "AddDepthwiseConv2D", "AddReshape", "AddSoftmax"),
    },
    "tflite_micro/hello_world_int8.tflite": {"AddFullyConnected"},
    "tflite_micro/keyword_scrambled_8bit.tflite": {"AddFullyConnected", "AddQuantize", "AddSoftmax", "AddSvdf"},
}

pytestmark = needs_models


@pytest.mark.parametrize(("model", "methods"), ADDED.items())
def test_the_operators_are_those_that_firmware_for_the_model_adds(model: str, methods: set[str]) -> None:
    assert {use.method for use in operator_uses((MODELS / model).read_bytes())} == methods


def test_every_operator_of_every_model_is_one_that_the_resolver_has() -> None:
    for path in MODELS.rglob("*.tflite"):
        model = path.read_bytes()
        uses = operator_uses(model)
        assert [use.method for use in uses] == [METHODS[use.name] for use in uses], path.name
        assert sum(use.count for use in uses) == len(list_operators(model))


@pytest.mark.parametrize(
    "model", ["mlcommons_tiny/kws_ref_model.tflite", "tflite_micro/audio_preprocessor_int8.tflite"]
)
def test_the_array_is_the_file_to_the_byte(model: str, tmp_path: Path) -> None:
    data = (MODELS / model).read_bytes()
    found = validate_model(data, load_profile("cortex-m7"), None, acceptance_samples=2, seed=0)
    assert found.acceptance is not None
    candidate = Candidate(
        name=Path(model).stem,
        model=data,
        acceptance=found.acceptance,
        arena_bytes=found.report.arena_bytes,
        board_profile=found.report.profile,
        provenance=Provenance(),
        metrics={},
        sources={},
    )
    key = load_or_create_signing_key(tmp_path / "key.pem")
    bundle = write_bundle(candidate, tmp_path / "1.0.0+1", version="1.0.0+1", key=key)
    export_c(bundle, arena_of(bundle), tmp_path / "out")
    program = tmp_path / "print.c"
    program.write_text(
        '#include "model.h"\n#include <stdio.h>\n'
        "int main(void) { return fwrite(model_data, 1, sizeof model_data, stdout) != MODEL_DATA_BYTES; }\n"
    )
    objects = [compile_c(tmp_path / "out" / name) for name in ("model.c", "golden.c")]
    assert output(link(program, objects, "-I", tmp_path / "out")) == data
