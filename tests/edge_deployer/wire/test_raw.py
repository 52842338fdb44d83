"""Raw framing: every message is found, damage is dropped, a silence brings the receiver back in step."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.wire.raw import Decoder
from edge_deployer.wire.smp import Header

messages = st.builds(
    lambda op, version, group, sequence, command, body: Header(op, version, group, sequence, command).before(body),
    st.integers(0, 3),
    st.integers(0, 1),
    st.integers(0, 0xFFFF),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=300),
)


@given(st.lists(messages, max_size=5), st.lists(st.integers(1, 50), min_size=1))
def test_messages_are_found_however_they_are_cut(sent: list[bytes], cuts: list[int]) -> None:
    decoder, stream, found = Decoder(), b"".join(sent), []
    while stream:
        for cut in cuts:
            found += decoder.feed(stream[:cut])
            stream = stream[cut:]
    assert found == sent
    assert decoder.garbled == 0


@given(st.binary(max_size=400), messages)
def test_after_a_silence_the_next_message_is_found(noise: bytes, message: bytes) -> None:
    decoder = Decoder()
    list(decoder.feed(noise))
    decoder.reset()
    assert list(decoder.feed(message)) == [message]


@given(messages)
def test_what_cannot_be_a_header_is_skipped(message: bytes) -> None:
    decoder = Decoder()
    assert list(decoder.feed(b"\xff" * 20 + message)) == [message]
    assert decoder.garbled == 1


def test_a_message_longer_than_the_buffer_is_not_waited_for() -> None:
    decoder = Decoder(256)
    assert list(decoder.feed(Header(2, 0, 0, 0, 0, length=1000).pack())) == []
    assert decoder.garbled == 1


def test_what_is_garbled_after_a_silence_is_another_damage() -> None:
    decoder = Decoder()
    for _ in range(2):
        list(decoder.feed(b"\xff" * 20))
        decoder.reset()
    assert decoder.garbled == 2
