"""Group 65's messages: exact scales, small sizes, and the specification agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp.message import Response

from edge_deployer.tensors import TensorSpec
from edge_deployer.wire import inference
from edge_deployer.wire.inference import ErrorCode, TensorMap

SPECIFICATION = Path(__file__).parents[3] / "docs" / "inference-group"
scales = st.floats(width=32, min_value=2.0**-126, max_value=2.0**60, allow_nan=False)
specs = st.builds(
    TensorSpec,
    dtype=st.sampled_from(["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    shape=st.lists(st.integers(1, 1000), max_size=5).map(tuple),
    scale=scales,
    zero_point=st.integers(-128, 127),
)


@given(specs)
def test_a_tensor_survives_the_wire_exactly(spec: TensorSpec) -> None:
    assert TensorMap.from_spec(spec).to_spec() == spec


def test_a_tensor_without_scale_has_none_on_the_wire() -> None:
    tensor = TensorMap.from_spec(TensorSpec("float32", (1, 3)))
    assert tensor.model_dump(exclude_none=True) == {"t": 0, "s": [1, 3]}
    assert tensor.to_spec().scale is None


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (TensorMap(t=99, s=[1, 4]), "dtype 99"),
        (TensorMap(t=1, s=[1, 0]), r"shape \[1, 0\]"),
        (TensorMap(t=1, s=[1, -4]), r"shape \[1, -4\]"),
        (TensorMap(t=1, s=[1], q=(0, 0, 0)), "not a scale"),
        (TensorMap(t=1, s=[1], q=(-1, 0, 0)), "not a scale"),
        (TensorMap(t=1, s=[1], q=(1, 2**40, 0)), "not a scale"),
    ],
)
def test_a_tensor_that_cannot_be_is_an_error(tensor: TensorMap, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tensor.to_spec()


def test_a_scale_is_that_of_the_float32_in_the_model() -> None:
    assert TensorMap.from_spec(TensorSpec("int8", (1,), 0.1)).to_spec().scale == float(np.float32(0.1))


def test_the_largest_run_reply_fits_its_overhead() -> None:
    most = 0xFFFFFFFF
    us = [most] * inference.MAX_BATCH
    data = bytes(1024 - inference.RUN_REPLY_OVERHEAD - 5 * len(us))
    reply = inference.RunWriteResponse(off=most, len=most, crc=most, us=us, data=data)
    assert len(reply.BYTES) <= 1024 - 4


def test_the_longest_list_of_checksums_fits_its_overhead() -> None:
    most = 0xFFFFFFFF
    room = 1024 - inference.PAGES_REPLY_OVERHEAD
    checksums = [most] * min(inference.MAX_PAGES, room // inference.BYTES_PER_CHECKSUM)
    assert len(inference.PagesReadResponse(off=most, page=most, size=most, crc=checksums).BYTES) <= 1024 - 4


def test_the_longest_first_chunk_of_an_upload_leaves_room_for_data_in_the_smallest_buffer() -> None:
    most = {"len": 1 << 31, "size": 1 << 31, "at": 1 << 30, "codec": 0, "epoch": (1 << 64) - 1}
    assert len(inference.UploadWriteRequest(off=0, data=b"", sha=bytes(32), **most).BYTES) <= 120


@given(st.binary(max_size=300), st.integers(1, 32))
def test_a_chunk_survives_the_wire(data: bytes, samples: int) -> None:
    sent = inference.RunWriteRequest(off=0, data=data, len=len(data), n=samples, crc=inference.crc32(data))
    received = inference.RunWriteRequest.loads(sent.BYTES)
    assert (received.off, received.data, received.n, received.crc) == (0, data, samples, inference.crc32(data))


def test_the_specification_tables_every_error_code() -> None:
    tabled = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", SPECIFICATION.with_suffix(".md").read_text(), re.MULTILINE)
    assert {name: int(code) for code, name in tabled} == {code.name: code.value for code in ErrorCode if code}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("info-read-response", inference.InfoReadResponse),
        ("run-result", inference.RunWriteResponse),
        ("run-read-response", inference.RunReadResponse),
        ("health-read-response", inference.HealthReadResponse),
        ("claim-read-response", inference.ClaimReadResponse),
        ("claim-write-response", inference.ClaimWriteResponse),
        ("pages-read-response", inference.PagesReadResponse),
    ],
)
def test_the_cddl_has_the_fields_of_the_code(rule: str, message: type[Response]) -> None:
    body = re.search(rf"^{rule} = {{(.*?)^}}", SPECIFICATION.with_suffix(".cddl").read_text(), re.MULTILINE | re.DOTALL)
    assert body
    specified = set(re.findall(r'^\s+(?:\? )?"(\w+)":', body[1], re.MULTILINE))
    added_by_smp = {"header", "version", "sequence", "smp_data"}
    assert specified == set(message.model_fields) - added_by_smp
