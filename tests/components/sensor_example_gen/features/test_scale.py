from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from components.sensor_example_gen.features.known import front_end_of
from components.sensor_example_gen.features.scale import Scale, ScaleSection
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

EVERY_INT16 = np.arange(-(1 << 15), 1 << 15).astype(np.int16)
MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
%s
int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    for (int32_t raw = INT16_MIN; raw <= INT16_MAX; raw++)
        putchar((uint8_t)scale(raw, atoi(argv[1]), atoi(argv[2]), atoi(argv[3]), atoi(argv[4])));
    return 0;
}
"""


def of(**parameters: object) -> Scale:
    return Scale(ScaleSection.model_validate({"kind": "scale", **parameters}))


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scale, int], Array]:
    """The C function of exports, compiled, on every int16; overflow and a wrong shift end it."""
    folder = tmp_path_factory.mktemp("scale")
    exported = (files("edge_deployer.export") / "templates" / "scale.c.j2").read_text()
    (function,) = re.findall(r"^static int8_t scale\(.*?^}$", exported, re.DOTALL | re.MULTILINE)
    source, program = folder / "scale.c", folder / "scale"
    source.write_text(MAIN % function)
    strict = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    trapping = ["-fsanitize=undefined", "-fno-sanitize-recover", "-fsanitize-undefined-trap-on-error"]
    subprocess.run(["cc", *strict, *trapping, "-o", program, source], check=True)

    def run(front_end: Scale, column: int) -> Array:
        said = front_end.parameters()
        arguments = [said[name][column] for name in ("raw_low", "raw_high", "multiplier")] + [said["shift"]]
        done = subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)
        return np.frombuffer(done.stdout, np.int8)

    return run


@given(data=st.data())
def test_c_gives_the_same_for_every_int16(in_c: Callable[[Scale, int], Array], data: st.DataObject) -> None:
    low = data.draw(st.integers(-(1 << 15), (1 << 15) - 2))
    high = data.draw(st.integers(low + 1, (1 << 15) - 1))
    scale = of(low=low, high=high)
    assert np.array_equal(scale.compute(EVERY_INT16), in_c(scale, 0))


@pytest.mark.parametrize(("low", "high"), [(-32768, 32767), (-32768, -32767), (32766, 32767), (0, 255), (0, 1)])
def test_c_gives_the_same_at_the_ends(in_c: Callable[[Scale, int], Array], low: int, high: int) -> None:
    scale = of(low=low, high=high)
    assert np.array_equal(scale.compute(EVERY_INT16), in_c(scale, 0))


def test_c_gives_the_same_for_each_column(in_c: Callable[[Scale, int], Array]) -> None:
    scale = of(low=[-2, -250.0], high=[2, 250.0], resolution=[1 / 16384, 1 / 131])
    features = scale.compute(np.stack([EVERY_INT16, EVERY_INT16], axis=-1))
    for column in range(2):
        assert np.array_equal(features[:, column], in_c(scale, column))


@given(st.integers(-(1 << 15), (1 << 15) - 2), st.integers(1, (1 << 16) - 1))
def test_it_is_a_straight_line_from_end_to_end(low: int, span: int) -> None:
    high = min(low + span, (1 << 15) - 1)
    features = of(low=low, high=high).compute(EVERY_INT16).astype(int)
    exact = (np.clip(EVERY_INT16.astype(np.int64), low, high) - low) * 255 / (high - low) - 128
    assert abs(features - exact).max() <= 0.505
    assert (np.diff(features) >= 0).all()
    assert features[low + (1 << 15)] == -128
    assert features[high + (1 << 15)] == 127


def test_a_picture_loses_nothing() -> None:
    pixels = np.arange(256).astype(np.uint8).reshape(16, 16, 1)
    scale = of()
    assert scale.raw(pixels) is pixels
    assert np.array_equal(scale.compute(pixels), (pixels.astype(int) - 128).astype(np.int8))
    assert scale.shape((16, 16, 1)) == (16, 16, 1)


@given(st.floats(-300, 300, width=32))
def test_the_sensor_reads_the_nearest_step(value: float) -> None:
    raw = of(low=-2, high=2, resolution=1 / 16384).raw(np.array([value], np.float32))
    assert raw.dtype == np.int16
    assert abs(int(raw[0]) - np.clip(value * 16384, -32768, 32767)) <= 0.5


def test_halves_of_a_step_round_away_from_zero() -> None:
    raw = of(low=-9, high=9, resolution=2).raw(np.array([-3, -1, 1, 3, 4], np.float32))
    assert raw.tolist() == [-2, -1, 1, 2, 2]


def test_samples_that_no_sensor_gives_are_refused() -> None:
    for kind in (np.float32, np.int32, np.uint16):
        with pytest.raises(TinyopsError, match=f"samples are {np.dtype(kind).name}") as refused:
            of(low=-1, high=1).raw(np.zeros((4, 2), kind))
        assert "resolution" in refused.value.remedy


def test_ranges_for_other_columns_are_refused() -> None:
    scale = of(low=[-1, -1, -1], high=1, resolution=0.001)
    assert scale.shape((50, 3)) == (50, 3)
    with pytest.raises(TinyopsError, match=r"has 3 values, and a sample is \[50, 6\]"):
        scale.shape((50, 6))
    assert of(low=-1, high=1, resolution=0.001).shape((50, 6)) == (50, 6)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"low": 1, "high": 1}, "column 0: low and high are 1 and 1 steps"),
        ({"low": 2, "high": -2, "resolution": 0.001}, "low must lie below high"),
        ({"low": [-2, -4], "high": [2, 4], "resolution": 0.0001}, "column 1: low and high are -40000 and 40000"),
        ({"low": -0.1, "high": 0.1}, "column 0: low and high are 0 and 0"),
        ({"low": [1, 2], "high": [3, 4, 5]}, "lists of different lengths"),
        ({"resolution": 0}, "greater than 0"),
        ({"low": float("nan")}, "finite"),
        ({"high": 1e308, "resolution": 1e-300}, "column 0"),
    ],
)
def test_a_range_that_cannot_be_is_refused(parameters: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        of(**parameters)


def test_a_project_names_it(tmp_path: Path) -> None:
    features = {"kind": "scale", "low": -1, "high": 1, "resolution": 0.001}
    section = DataSection.model_validate({"source": tmp_path, "target": "force", "features": features})
    front_end = front_end_of(section.features)
    assert isinstance(front_end, Scale)
    assert front_end.on_board
    assert json.loads(json.dumps(front_end.parameters())) == {
        "raw_low": [-1000],
        "raw_high": [1000],
        "multiplier": [1069548],
        "shift": 23,
        "low": [-1.0],
        "high": [1.0],
        "resolution": [0.001],
    }
    by_name = DataSection.model_validate({"source": tmp_path, "target": "force", "features": "scale"})
    assert isinstance(front_end_of(by_name.features), Scale)
