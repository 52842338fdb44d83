"""SMP's header, against the one of the smp package."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp.header import OP, CommandId, Flag, GroupId, Version
from smp.header import Header as SmpHeader

from edge_deployer.wire.smp import HEADER_BYTES, Header, whole_message, with_sequence

headers = st.builds(
    Header,
    st.integers(0, 7),
    st.integers(0, 3),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 255),
    length=st.integers(0, 0xFFFF),
    flags=st.integers(0, 255),
    reserved=st.integers(0, 7),
)


@given(headers)
def test_every_header_is_read_as_it_was_written(header: Header) -> None:
    assert Header.of(header.pack()) == header


@given(st.sampled_from(OP), st.sampled_from(Version), st.integers(0, 0xFFFF), st.integers(0, 255))
def test_it_is_the_one_that_smp_has(op: OP, version: Version, length: int, sequence: int) -> None:
    group, command = GroupId.IMAGE_MANAGEMENT, CommandId.ImageManagement.UPLOAD
    theirs = SmpHeader(op, version, Flag.UNUSED, length, group, sequence, command)
    assert Header(op, version, group, sequence, command, length).pack() == bytes(theirs)


def test_a_message_is_whole_with_as_many_bytes_as_its_header_says() -> None:
    header = Header(0, 1, 65, 7, 0)
    message = header.before(b"map")
    assert whole_message(message) == header._replace(length=3)
    for other in (message[:-1], message + b"x", message[: HEADER_BYTES - 1], b""):
        assert whole_message(other) is None


@pytest.mark.parametrize("body", [b"", b"map"])
def test_another_sequence_number_changes_nothing_else(body: bytes) -> None:
    header = Header(0, 1, 65, 7, 0)
    assert with_sequence(header.before(body), 200) == header._replace(sequence=200).before(body)
