"""A release as C sources: they compile without a warning, and hold what the release holds, to the byte."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.boards.record import BoardRecord
from edge_deployer.errors import TinyopsError
from edge_deployer.export.arena import Arena, MeasuredArena, arena_of
from edge_deployer.export.c_sources import EXPORT_FILE, export_c, operator_uses
from edge_deployer.profile import load_profile
from edge_deployer.release.bundle import Bundle, Candidate, write_bundle
from edge_deployer.release.keys import SigningKey
from edge_deployer.release.store import RECORD_FILE
from edge_deployer.release.validation import validate_model
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.tflm import list_operators
from tests.edge_deployer import tiny_models
from tests.edge_deployer.candidates import MakeCandidate, record_promotion
from tests.edge_deployer.export.compilers import compile_c, link, output
from tests.edge_deployer.front_ends import on_board, on_host
from tests.edge_deployer.tflm.resolver_methods import METHODS

ARENA = Arena(1208, ())
CLASSES = ("Löwe", 'a "quoted" name', "*/ ??/", "")


@pytest.fixture
def release(make_candidate: MakeCandidate, signing_key: SigningKey, tmp_path: Path) -> Bundle:
    """Of four classes with awkward names, and a front end whose features are the model's inputs."""
    candidate = make_candidate(name="*/ naïve ??/")
    acceptance = dataclasses.replace(candidate.acceptance, class_names=CLASSES)
    front_end = on_board(acceptance.inputs[5:8], rate=16_000, window={"size_ms": 30})
    return _write(dataclasses.replace(candidate, acceptance=acceptance, front_end=front_end), signing_key, tmp_path)


def _write(candidate: Candidate, key: SigningKey, tmp_path: Path) -> Bundle:
    return write_bundle(candidate, tmp_path / "1.0.0+1", version="1.0.0+1", key=key)


def _compiled(folder: Path) -> list[Path]:
    return [compile_c(folder / name) for name in ("model.c", "golden.c")]


PROGRAM = r"""
#include "golden.h"
#include "model_resolver.h"
#include <stdint.h>
#include <stdio.h>
#define PRINT(name) puts(#name);
static void print(const void *data, size_t size) { fwrite(data, 1, size, stdout); }
int main(void) {
  static const int dims[MODEL_INPUT_RANK] = MODEL_INPUT_DIMS;
  const float quantisation[] = {MODEL_INPUT_SCALE, MODEL_INPUT_ZERO_POINT, MODEL_OUTPUT_SCALE, MODEL_OUTPUT_ZERO_POINT};
  print(model_data, sizeof model_data);
  print(golden_raw, sizeof golden_raw);
  print(golden_features, sizeof golden_features);
  print(golden_input, sizeof golden_input);
  print(golden_output, sizeof golden_output);
  print(quantisation, sizeof quantisation);
  print(dims, sizeof dims);
  for (int i = 0; i < MODEL_CLASS_COUNT; i++) puts(model_class_names[i]);
  MODEL_OPERATORS(PRINT)
  printf("%s %s %d %d %d %d\n", FRONT_END, FRONT_END_VERSION, FRONT_END_RATE, FRONT_END_WINDOW_SIZE_MS, GOLDEN_LABEL,
         GOLDEN_ANSWER);
  return (uintptr_t)model_data % 16 != 0;
}
"""


def test_the_arrays_are_the_release_s_to_the_byte(release: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export_c(release, ARENA, folder)
    program = tmp_path / "print.c"
    program.write_text(PROGRAM)
    printed = output(link(program, _compiled(folder), "-I", folder))
    acceptance, front_end = release.acceptance, release.front_end
    assert front_end is not None
    assert front_end.golden is not None
    assert acceptance.outputs is not None
    assert acceptance.labels is not None
    given, answered = acceptance.input, acceptance.output
    sample = acceptance.inputs[5]
    assert given.scale is not None
    assert answered.scale is not None
    quantisation = np.array([given.scale, given.zero_point, answered.scale, answered.zero_point], np.float32)
    binary = [release.image.payload, front_end.golden.raw[0], front_end.golden.features[0], sample]
    binary += [acceptance.outputs[5], quantisation, np.array(given.shape, np.int32)]
    expected = b"".join(bytes(part) if isinstance(part, bytes) else part.tobytes() for part in binary)
    label = int(acceptance.labels[5])
    lines = [*CLASSES, "AddFullyConnected", f"micro_frontend 1 16000 30 {label} {label}"]
    assert printed == expected + "".join(f"{line}\n" for line in lines).encode()


def test_the_lines_of_the_readme_run_the_golden_sample(release: Bundle, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    export_c(release, ARENA, folder)
    _copy_stub(tmp_path / "include")
    lines = _readme_lines(folder)
    program = tmp_path / "firmware.cc"
    program.write_text(
        lines
        + "\n#include <stdio.h>\n"
        + "void tflite::Answer(const void* model, const char* input, char* output) {\n"
        + "  memcpy(output, input, sizeof golden_output);\n"
        + "  if (model != model_data) output[0]++;\n}\n"
        + 'int main() { printf("%d", run_model()); return MODEL_INPUT_TYPE != kTfLiteInt8; }\n'
    )
    methods = " ".join(f"M({method})" for method in sorted(set(METHODS.values())))
    flags = [f"-DSTUB_METHODS(M)={methods}", "-DSTUB_OPERATORS=1", "-DSTUB_ARENA=1208"]
    # The model gives its input back.
    assert output(link(program, _compiled(folder), "-I", folder, "-I", tmp_path / "include", *flags)) == b"0"


def _copy_stub(include: Path) -> None:
    stub = Path(__file__).with_name("tflm_stub.h")
    for header in ("micro/micro_interpreter", "micro/micro_mutable_op_resolver", "schema/schema_generated"):
        path = include / "tensorflow" / "lite" / f"{header}.h"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stub, path)


def _readme_lines(folder: Path) -> str:
    (lines,) = re.findall(r"```cpp\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    return str(lines)


@pytest.mark.parametrize("front_end", [None, "host"])
def test_a_release_without_golden_vectors_compiles_and_says_where_features_are_computed(
    make_candidate: MakeCandidate, signing_key: SigningKey, tmp_path: Path, front_end: str | None
) -> None:
    candidate = make_candidate()
    acceptance = dataclasses.replace(candidate.acceptance, outputs=None, class_names=())
    stated = on_host() if front_end else None
    bundle = _write(dataclasses.replace(candidate, acceptance=acceptance, front_end=stated), signing_key, tmp_path)
    export_c(bundle, ARENA, tmp_path / "out")
    _compiled(tmp_path / "out")
    header = (tmp_path / "out" / "model.h").read_text()
    golden = (tmp_path / "out" / "golden.h").read_text()
    assert ("computed on the host, not on the board" in header) == bool(front_end)
    assert "#define MODEL_CLASS_COUNT 0" in header
    assert "golden_raw" not in golden
    assert "golden_output[" not in golden
    assert "built without TFLM" in golden
    assert "memcmp" not in _readme_lines(tmp_path / "out")


@pytest.mark.parametrize("model", [tiny_models.float_classifier(), tiny_models.uint8_ends()])
def test_tensors_of_other_types_compile(
    make_candidate: MakeCandidate, signing_key: SigningKey, tmp_path: Path, model: bytes
) -> None:
    found = validate_model(model, load_profile("cortex-m4"), None, acceptance_samples=3, seed=0)
    assert found.acceptance is not None
    candidate = dataclasses.replace(make_candidate(), model=model, acceptance=found.acceptance)
    bundle = _write(candidate, signing_key, tmp_path)
    export_c(bundle, ARENA, tmp_path / "out")
    _compiled(tmp_path / "out")
    header = (tmp_path / "out" / "model.h").read_text()
    given = bundle.acceptance.input
    assert f"INPUT_TYPE {'kTfLiteFloat32' if given.dtype == 'float32' else 'kTfLiteUInt8'}\n" in header
    assert ("MODEL_INPUT_SCALE" in header) == (given.scale is not None)
    assert f"#define MODEL_INPUT_BYTES {given.nbytes}\n" in header


def test_every_operator_is_named_once_with_its_count() -> None:
    model = tiny_models.uint8_ends()
    uses = {use.name: use for use in operator_uses(model)}
    assert {name: use.count for name, use in uses.items()} == Counter(found.name for found in list_operators(model))
    assert uses["QUANTIZE"].method == "AddQuantize"
    assert not uses["QUANTIZE"].custom


def test_a_custom_operator_is_named_as_one() -> None:
    (use,) = operator_uses(tiny_models.with_operator("SignalFilterBankLog"))
    assert (use.method, use.custom) == ("AddFilterBankLog", True)


def test_an_operator_that_the_resolver_cannot_add_is_named() -> None:
    with pytest.raises(TinyopsError, match="no method for the operator 'made-up-op'"):
        operator_uses(tiny_models.with_unknown_op())


def test_the_same_release_gives_the_same_files_and_an_earlier_export_is_replaced(
    release: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "b"
    first = export_c(release, ARENA, folder)
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written.keys() == {EXPORT_FILE, *first.files}
    (folder / "model.c").write_text("changed")
    (folder / "golden.c").unlink()
    assert export_c(release, ARENA, folder) == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written
    assert export_c(release, Arena(9000, ()), folder) != first


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("main.c", "int main;", "is not empty, and no release was exported to it before"),
        (EXPORT_FILE, "{}", "export.json is damaged, or of another version: release_id"),
    ],
)
def test_what_is_somebody_else_s_is_not_overwritten(
    release: Bundle, tmp_path: Path, name: str, content: str, message: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / name).write_text(content)
    with pytest.raises(TinyopsError, match=message) as raised:
        export_c(release, ARENA, folder)
    assert raised.value.remedy
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, content)]


def test_a_file_in_the_folder_s_place_is_an_error(release: Bundle, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(TinyopsError, match="out cannot be read: Not a directory"):
        export_c(release, ARENA, tmp_path / "out")


def test_the_arena_rests_on_what_real_boards_of_this_image_said(release: Bundle, tmp_path: Path) -> None:
    assert arena_of(release) == Arena(release.manifest.arena_bytes, ())
    record_promotion(release)
    assert arena_of(release) == Arena(release.manifest.arena_bytes, ())
    _record_boards(
        release,
        _board("door-1", 3000, release.image.hash.hex()),
        _board("door-2", 3100, release.image.hash.hex()),
        _board("virtual", 9000, release.image.hash.hex(), virtual=True),
        _board("older", 9000, "00" * 32),
        _board("silent", None, release.image.hash.hex()),
    )
    arena = arena_of(release)
    assert arena.boards == (MeasuredArena("door-1", "cortex-m4", 3000), MeasuredArena("door-2", "cortex-m4", 3100))
    export_c(release, arena, tmp_path / "out")
    header = (tmp_path / "out" / "model.h").read_text()
    assert "3100 bytes on door-2, profile cortex-m4" in header
    assert f"A 64-bit host found {release.manifest.arena_bytes} bytes" in header
    assert f"#define MODEL_ARENA_BYTES {arena.total}\n" in header
    assert f"{arena.headroom} bytes" in header


def test_an_estimate_is_called_one(release: Bundle, tmp_path: Path) -> None:
    export_c(release, ARENA, tmp_path / "out")
    header = (tmp_path / "out" / "model.h").read_text()
    assert "estimate: 1208 bytes were found by bisection on a 64-bit host" in header


def test_a_damaged_record_is_named(release: Bundle) -> None:
    (release.folder / RECORD_FILE).write_text('{"boards": [{}]}')
    with pytest.raises(TinyopsError, match=f"{RECORD_FILE} is damaged, or of another version: boards.0.name"):
        arena_of(release)


def _board(name: str, used: int | None, running: str, *, virtual: bool = False) -> BoardRecord:
    evidence = BoardEvidence(board=name, profile="cortex-m4", arena_used=used, running_hash=running)
    return BoardRecord(name=name, pool="production", profile="cortex-m4", virtual=virtual, evidence=evidence)


def _record_boards(release: Bundle, *boards: BoardRecord) -> None:
    path = release.folder / RECORD_FILE
    record = Deployment.model_validate(json.loads(path.read_text()))
    path.write_text(record.model_copy(update={"boards": list(boards)}).model_dump_json())
