from __future__ import annotations

import inspect
import subprocess
import textwrap
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sensor_example_gen.sources.strokes import FINEST, rasterised, whole_points
from edge_deployer.tensors import Array

INT16 = st.integers(-(1 << 15), (1 << 15) - 1)
STROKES = st.lists(st.tuples(INT16, INT16), min_size=1, max_size=40) | st.lists(
    st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=40
)
SIZES = st.sampled_from([8, 16, 32, 33, 256])
MAIN = """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
%s
static int16_t points[1000][2];
static uint8_t picture[256 * 256];
int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    int32_t size = atoi(argv[1]);
    int32_t count = (int32_t)fread(points, sizeof points[0], 1000, stdin);
    rasterise((const int16_t (*)[2])points, count, size, picture);
    fwrite(picture, 1, (size_t)(size * size), stdout);
    return 0;
}
"""


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Array, int], Array]:
    """The C function in the docstring, compiled; overflow and a place outside the picture end it."""
    folder = tmp_path_factory.mktemp("strokes")
    function = textwrap.dedent((inspect.getdoc(rasterised) or "").split("::\n", 1)[1].split("\nArgs:", 1)[0])
    source, program = folder / "strokes.c", folder / "strokes"
    source.write_text(MAIN % function)
    strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    trapping = ["-fsanitize=undefined,address", "-fno-sanitize-recover"]
    subprocess.run(["cc", *strict, *trapping, "-o", program, source], check=True)

    def run(points: Array, size: int) -> Array:
        stroke = points.astype(np.int16).tobytes()
        done = subprocess.run([program, str(size)], input=stroke, check=True, capture_output=True)
        return np.frombuffer(done.stdout, np.uint8).reshape(size, size, 1)

    return run


@given(STROKES, SIZES)
def test_c_draws_the_same(in_c: Callable[[Array, int], Array], points: list[tuple[int, int]], size: int) -> None:
    stroke = np.array(points)
    assert np.array_equal(rasterised(stroke, size), in_c(stroke, size))


@given(STROKES, SIZES, st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_where_it_was_drawn_changes_nothing(points: list[tuple[int, int]], size: int, right: int, up: int) -> None:
    stroke = np.array(points)
    assert np.array_equal(rasterised(stroke, size), rasterised(stroke + np.array([right, up]), size))


def test_it_is_in_the_middle_with_x_to_the_right_and_y_upwards() -> None:
    picture = rasterised(np.array([[0, 0], [0, 100]]), 8)[..., 0]
    assert (picture[:, :3] == 0).all()
    assert (picture[1:7, 3:5] > 0).any(axis=1).all()
    corner = rasterised(np.array([[0, 0], [100, 0], [100, 100]]), 8)[..., 0]
    assert corner[6, 1] == 255
    assert corner[1, 1] == 0
    assert corner[1, 6] == 255


def test_a_point_is_a_dot() -> None:
    picture = rasterised(np.array([[5, -7]]), 9)[..., 0]
    assert (picture > 0).sum() <= 4
    assert picture[3:6, 3:6].any()


@given(STROKES)
def test_a_stroke_of_real_numbers_has_its_own_steps(points: list[tuple[int, int]]) -> None:
    whole = whole_points(np.array(points) * 0.001, None)
    assert whole.min(axis=0).tolist() == [0, 0]
    assert np.ptp(whole, axis=0).max() in (0, FINEST)
    assert whole_points(np.array(points) / 128, 1 / 128).tolist() == np.array(points).tolist()
