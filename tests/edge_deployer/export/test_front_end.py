"""The front end in C gives the features that the network was trained on, to the byte."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from components.sensor_example_gen.features.scale import Scale, ScaleSection
from edge_deployer.export.arena import Arena
from edge_deployer.export.c_sources import export_c
from edge_deployer.export.front_end import front_end_in_c
from edge_deployer.log_mel import LogMel
from edge_deployer.release.bundle import write_bundle
from edge_deployer.release.front_end import FrontEndFacts, FrontEndRecord, GoldenVectors
from edge_deployer.release.keys import SigningKey
from tests.edge_deployer.candidates import MakeCandidate
from tests.edge_deployer.export.compilers import compile_c, link, output

PROGRAM = r"""
#include "front_end.h"
#include <stdio.h>
static int16_t samples[1 << 16];
static int8_t features[1 << 16];
int main(int argc, char **argv)
{
    FILE *file = fopen(argv[argc - 1], "rb");
    size_t count = fread(samples, sizeof *samples, sizeof samples / sizeof *samples, file);
    size_t frames = (count - FRONT_END_FRAME) / FRONT_END_STEP + 1;
    front_end(samples, (int32_t)count, features);
    fwrite(features, FRONT_END_CHANNELS, frames, stdout);
    return 0;
}
"""


def facts(computing: LogMel, **changes: object) -> FrontEndFacts:
    fields = {"name": "log_mel", "version": "1", "on_board": True, "parameters": dataclasses.asdict(computing)}
    return FrontEndFacts.model_validate({**fields, **changes})


@pytest.mark.parametrize(
    "computing",
    [
        LogMel(16_000, 480, 320, 32, 60, 7_500),
        LogMel(8_000, 240, 80, 40, 0, 4_000),
        LogMel(8_000, 160, 160, 24, 100, 3_800, levelled=True),
    ],
    ids=["16k", "8k", "levelled"],
)
def test_c_gives_the_same_features_to_the_byte(
    computing: LogMel, make_candidate: MakeCandidate, signing_key: SigningKey, tmp_path: Path
) -> None:
    random = np.random.default_rng(3)
    time = np.arange(8_000)
    sounds = [
        random.integers(-(2**15), 2**15, 8_000).astype(np.int16),
        (random.normal(size=8_000) * 10).astype(np.int16),
        (32_767 * np.sin(time**2 / 20_000)).astype(np.int16),
        np.where(time % 200 < 100, 32_767, -32_768).astype(np.int16),
        np.where(time < 3_000, 9_000 * np.sin(time / 5), 0).astype(np.int16),
        np.zeros(8_000, np.int16),
    ]
    golden = GoldenVectors(np.stack(sounds), np.stack([computing.compute(one) for one in sounds]))
    candidate = dataclasses.replace(make_candidate(), front_end=FrontEndRecord(facts(computing), golden))
    bundle = write_bundle(candidate, tmp_path / "1.0.0+1", version="1.0.0+1", key=signing_key)
    export_c(bundle, Arena(1208, ()), tmp_path / "c")
    assert "front_end.c" in (tmp_path / "c" / "README.md").read_text()
    (tmp_path / "c" / "program.c").write_text(PROGRAM)
    compiled = compile_c(tmp_path / "c" / "front_end.c")
    program = link(tmp_path / "c" / "program.c", [compiled], "-fsanitize=undefined", "-fno-sanitize-recover=all")
    for samples, features in zip(sounds, golden.features, strict=True):
        (tmp_path / "samples").write_bytes(samples.tobytes())
        assert output(program, tmp_path / "samples") == features.tobytes()


SCALE_PROGRAM = r"""
#include "front_end.h"
#include "golden.h"
#include <stdio.h>
static int8_t features[GOLDEN_FEATURES_LENGTH];
int main(void)
{
    front_end(golden_raw, GOLDEN_RAW_LENGTH, features);
    fwrite(features, 1, GOLDEN_FEATURES_LENGTH, stdout);
    return 0;
}
"""


@pytest.mark.parametrize(
    ("range_", "dtype"),
    [({"low": [-2, -250.0], "high": [2, 250.0], "resolution": [1 / 16384, 1 / 131]}, "int16"), ({}, "uint8")],
    ids=["columns", "pictures"],
)
def test_c_scales_the_golden_sample_to_the_byte(
    range_: dict[str, object],
    dtype: str,
    make_candidate: MakeCandidate,
    signing_key: SigningKey,
    tmp_path: Path,
) -> None:
    scale = Scale(ScaleSection.model_validate({"kind": "scale", **range_}))
    ends = np.iinfo(dtype)
    raw = np.random.default_rng(3).integers(ends.min, ends.max, (1, 3_000, 2), dtype, endpoint=True)
    raw[0, :2] = [[ends.min], [ends.max]]
    told = FrontEndFacts(name="scale", version=Scale.version, on_board=True, parameters=dict(scale.parameters()))
    record = FrontEndRecord(told, GoldenVectors(raw, scale.compute(raw)))
    candidate = dataclasses.replace(make_candidate(), front_end=record)
    bundle = write_bundle(candidate, tmp_path / "1.0.0+1", version="1.0.0+1", key=signing_key)
    export_c(bundle, Arena(1208, ()), tmp_path / "c")
    (tmp_path / "c" / "program.c").write_text(SCALE_PROGRAM)
    compiled = [compile_c(tmp_path / "c" / name) for name in ("front_end.c", "golden.c")]
    program = link(tmp_path / "c" / "program.c", compiled, "-fsanitize=undefined", "-fno-sanitize-recover=all")
    assert output(program) == scale.compute(raw).tobytes()


def test_another_front_end_or_version_has_no_c_here() -> None:
    computing = LogMel(16_000, 480, 320, 32, 60, 7_500)
    assert front_end_in_c(facts(computing)) == "log_mel"
    assert front_end_in_c(facts(computing, name="scale")) == "scale"
    assert front_end_in_c(facts(computing, version="2")) is None
    assert front_end_in_c(facts(computing, name="micro_frontend")) is None
    assert front_end_in_c(facts(computing, on_board=False)) is None
    assert front_end_in_c(None) is None
