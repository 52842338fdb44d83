"""A release's front end: what is written is what is read, and what is no front end's record is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_deployer.errors import TinyopsError
from edge_deployer.release.front_end import (
    FACTS_FILE,
    GOLDEN_FILE,
    FrontEndFacts,
    FrontEndRecord,
    GoldenVectors,
)
from tests.edge_deployer.front_ends import on_board, on_host

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.integers(1, 4)


@given(
    parameters=st.dictionaries(st.text(), JSON, max_size=4),
    dtype=st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32]),
    data=st.data(),
    rows=ROWS,
)
def test_a_record_reads_back_as_it_was_written(
    parameters: dict[str, Any], dtype: type, data: st.DataObject, rows: int
) -> None:
    raw = data.draw(hnp.arrays(dtype, (rows, 5)))
    features = data.draw(hnp.arrays(np.int8, (rows, 2, 3)))
    facts = FrontEndFacts(name="mfe", version="1", on_board=True, parameters=parameters)
    parts = FrontEndRecord(facts, GoldenVectors(raw, features)).parts()
    read = FrontEndRecord.from_parts(parts)
    assert read.facts == facts
    assert read.golden is not None
    np.testing.assert_array_equal(read.golden.raw, raw)
    np.testing.assert_array_equal(read.golden.features, features)
    assert read.parts() == parts


def test_a_folder_has_both_files_or_the_first_or_neither(tmp_path: Path) -> None:
    assert FrontEndRecord.read(tmp_path) is None
    on_host().write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FACTS_FILE]
    assert FrontEndRecord.read(tmp_path) == on_host()
    on_board().write(tmp_path)
    read = FrontEndRecord.read(tmp_path)
    assert read is not None
    assert read.parts() == on_board().parts()


def test_the_layout_of_an_array_in_memory_says_nothing() -> None:
    features = np.arange(12, dtype=np.int8).reshape(3, 4)
    assert on_board(np.asfortranarray(features)).parts() == on_board(features).parts()


RAW, FEATURES = np.zeros((2, 5), np.int16), np.zeros((2, 3), np.int8)


@pytest.mark.parametrize(
    ("golden", "on_board_", "message"),
    [
        (None, True, "no golden vectors, and boards compute it"),
        (GoldenVectors(RAW, FEATURES), False, "golden vectors, and the host computes it"),
        (GoldenVectors(RAW.astype(np.float32), FEATURES), True, r"raw samples are float32\[2, 5\], not int8, uint8"),
        (GoldenVectors(RAW.astype(np.int64), FEATURES), True, "raw samples are int64"),
        (GoldenVectors(RAW, FEATURES.astype(np.float32)), True, r"features are float32\[2, 3\], not int8"),
        (GoldenVectors(RAW, FEATURES[:1]), True, "not a row a sample"),
        (GoldenVectors(RAW[:0], FEATURES[:0]), True, "not a row a sample"),
        (GoldenVectors(RAW[0], FEATURES[0]), True, "not a row a sample"),
    ],
)
def test_vectors_that_are_not_the_front_end_s_are_refused(
    golden: GoldenVectors | None, on_board_: bool, message: str
) -> None:
    with pytest.raises(TinyopsError, match=f"front end mfe 3: .*{message}") as raised:
        FrontEndRecord(FrontEndFacts(name="mfe", version="3", on_board=on_board_), golden)
    assert raised.value.remedy


def test_parameters_are_what_json_has() -> None:
    with pytest.raises(ValueError, match="JSON"):
        FrontEndFacts(name="mfe", version="1", on_board=True, parameters={"gain": float("nan")})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Invalid JSON"),
        (json.dumps({"name": "mfe"}), "version: Field required"),
        (json.dumps({"name": "", "version": "1", "on_board": True}), "name: String should have at least 1"),
        (json.dumps({"name": "mfe", "version": "1", "on_board": True, "rate": 1}), "rate: Extra inputs"),
    ],
)
def test_damaged_facts_are_named(tmp_path: Path, content: str, message: str) -> None:
    on_board().write(tmp_path)
    (tmp_path / FACTS_FILE).write_text(content)
    with pytest.raises(TinyopsError, match=f"{FACTS_FILE} is damaged, or of another version: {message}"):
        FrontEndRecord.read(tmp_path)


def test_facts_that_are_missing_are_named(tmp_path: Path) -> None:
    on_board().write(tmp_path)
    (tmp_path / FACTS_FILE).unlink()
    with pytest.raises(TinyopsError, match=FACTS_FILE):
        FrontEndRecord.read(tmp_path)


def test_damaged_vectors_are_named(tmp_path: Path) -> None:
    on_board().write(tmp_path)
    (tmp_path / GOLDEN_FILE).write_bytes((tmp_path / GOLDEN_FILE).read_bytes()[:-40])
    with pytest.raises(TinyopsError, match=f"{GOLDEN_FILE} cannot be read as an .npz file"):
        FrontEndRecord.read(tmp_path)
    np.savez(tmp_path / GOLDEN_FILE, raw=RAW)
    with pytest.raises(TinyopsError, match=f"{GOLDEN_FILE} cannot be read as an .npz file: .*features"):
        FrontEndRecord.read(tmp_path)
