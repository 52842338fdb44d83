"""Values as C: a compiler reads back what was meant, whatever the values are."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.export import c_text
from tests.edge_deployer.export.compilers import link, output

TEXTS = [
    "plain",
    "",
    'quo"te',
    "back\\slash",
    "line\nbreak\r\ttab\0zero",
    "what??/ trigraph ??!",
    "*/ end /* begin",
    "Grüße, 你好, नमस्ते",
    "\u202eright to left\u2066",
    "12 after \x07" + "7f",
    "%d",
]
INTEGERS = {
    "int8": [-128, -1, 0, 127],
    "uint8": [0, 255],
    "int16": [-(2**15), 2**15 - 1],
    "uint16": [0, 2**16 - 1],
    "int32": [-(2**31), 2**31 - 1, 0],
}
FLOATS = [0.1, 1.0, 0.00390625, 1.1754944e-38, 3.4028235e38, 1e-45, 123456789.0, 0.0627451]


def test_a_compiler_reads_back_what_was_meant(tmp_path: Path) -> None:
    lines = ["#include <stdint.h>", "#include <stdio.h>", "int main(void) {"]
    expected = b""
    for text in TEXTS:
        lines += [
            f"  /* {c_text.comment(text)} */",
            f"  fwrite({c_text.string(text)}, 1, {len(text.encode())}, stdout);",
        ]
        expected += text.encode()
    for dtype, values in INTEGERS.items():
        array = np.array(values, dtype)
        lines += ["  {", f"  static const {dtype}_t v[] = {{", c_text.integer_lines(array), "  };"]
        lines += ["  fwrite(v, 1, sizeof v, stdout);", "  }"]
        expected += array.tobytes()
    for value in FLOATS:
        lines += ["  {", f"  const float v = {c_text.float32(value)};", "  fwrite(&v, 1, sizeof v, stdout);", "  }"]
        expected += struct.pack("<f", value)
    for number in (-128, 0.1, -2.5e-300, 2**40):
        lines += [
            "  {",
            f"  const double v = 0 - {c_text.number(number)};",
            "  fwrite(&v, 1, sizeof v, stdout);",
            "  }",
        ]
        expected += struct.pack("<d", 0 - number)
    program = tmp_path / "values.c"
    program.write_text("\n".join([*lines, "  return 0;", "}", ""]), encoding="ascii")
    assert output(link(program, [])) == expected


@given(st.binary(min_size=1, max_size=100))
def test_bytes_stand_in_their_order(data: bytes) -> None:
    assert bytes(int(byte, 16) for byte in c_text.byte_lines(data).replace("\n", "").split(",")) == data


@given(st.text())
def test_no_text_ends_a_comment_or_a_string(text: str) -> None:
    told = c_text.comment(text)
    assert told.isascii()
    assert told.isprintable()
    assert not any(mark in told for mark in ("*/", "/*", "??"))
    literal = c_text.string(text)
    assert literal.isascii()
    assert literal.isprintable()


def test_parameters_are_macros_in_their_order() -> None:
    parameters: dict[str, Any] = {
        "sample_rate": 16_000,
        "pcan": True,
        "gain": -0.5,
        "window": {"size-ms": 30, "name": "hann"},
        "weights": [1, -2, 0.5],
        "matrix": [[1, 2], [3, 4]],
        "names": ["a", 'b"'],
        "mixed": [1, [2]],
        "ragged": [1, None],
        "none": [],
        "unset": None,
        "nothing": {},
    }
    assert c_text.macros("FRONT_END", parameters) == {
        "FRONT_END_SAMPLE_RATE": "16000",
        "FRONT_END_PCAN": "1",
        "FRONT_END_GAIN": "(-0.5)",
        "FRONT_END_WINDOW_SIZE_MS": "30",
        "FRONT_END_WINDOW_NAME": '"hann"',
        "FRONT_END_WEIGHTS_LENGTH": "3",
        "FRONT_END_WEIGHTS": "{1, (-2), 0.5}",
        "FRONT_END_MATRIX_LENGTH": "2",
        "FRONT_END_MATRIX": "{{1, 2}, {3, 4}}",
        "FRONT_END_NAMES_LENGTH": "2",
        "FRONT_END_NAMES": r'"[\"a\", \"b\\\"\"]"',
        "FRONT_END_MIXED_LENGTH": "2",
        "FRONT_END_MIXED": "{1, {2}}",
        "FRONT_END_RAGGED_LENGTH": "2",
        "FRONT_END_RAGGED": '"[1, null]"',
        "FRONT_END_NONE_LENGTH": "0",
    }


@pytest.mark.parametrize(
    "parameters", [{"a_b": 1, "a": {"b": 2}}, {"a-b": 1, "A b": 2}, {"x": [1], "x_length": 1}, {"on": 1}]
)
def test_two_things_of_one_name_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(TinyopsError, match=r"FRONT_END_\w+ would be two things in C"):
        c_text.macros("FRONT_END", parameters, taken=["FRONT_END_ON"])
