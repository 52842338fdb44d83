"""Console framing: what goes in comes out, and damage never comes out as a message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from smp import packet

from edge_deployer.wire.console import Decoder, encode, encoded_length

messages = st.binary(min_size=8, max_size=1020)


@given(messages)
def test_the_encoding_is_that_of_smpclient(message: bytes) -> None:
    assert encode(message) == b"".join(packet.encode(message, line_length=128))
    assert encoded_length(len(message)) == len(encode(message))


@given(st.lists(messages, max_size=4), st.data())
def test_messages_survive_any_cutting_and_console_text_between_them(sent: list[bytes], data: st.DataObject) -> None:
    text = st.text(alphabet="boot: swap\n", max_size=40).map(str.encode)
    stream = b"".join(data.draw(text) + encode(message) for message in sent)
    decoder, received = Decoder(), list[bytes]()
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        received += decoder.feed(stream[:cut])
        stream = stream[cut:]
    assert received == sent
    assert decoder.garbled == 0


@given(messages, st.data())
def test_a_flipped_bit_never_gives_another_message(message: bytes, data: st.DataObject) -> None:
    stream = bytearray(encode(message))
    position = data.draw(st.integers(0, len(stream) - 1))
    stream[position] ^= 1 << data.draw(st.integers(0, 7))
    assert set(Decoder().feed(bytes(stream))) <= {message}


@given(messages, messages, st.data())
def test_a_good_message_after_a_damaged_one_is_received(first: bytes, second: bytes, data: st.DataObject) -> None:
    stream = encode(first)
    lost = data.draw(st.integers(0, len(stream) - 1))
    received = list(Decoder().feed(stream[:lost] + stream[lost + 1 :] + encode(second)))
    assert received[-1:] == [second]


@given(st.integers(8, 300))
def test_a_frame_that_does_not_fit_the_buffer_is_dropped(length: int) -> None:
    message = bytes(length)
    assert list(Decoder(length + 4).feed(encode(message))) == [message]
    decoder = Decoder(length + 3)
    assert list(decoder.feed(encode(message))) == []
    assert decoder.garbled >= 1


def test_a_continuation_without_a_start_counts_as_garbled() -> None:
    decoder = Decoder()
    assert list(decoder.feed(b"\x04\x14QUJD\n")) == []
    assert decoder.garbled == 1


def test_reset_forgets_half_a_frame() -> None:
    decoder, message = Decoder(), bytes(range(200))
    list(decoder.feed(encode(message)[:150]))
    decoder.reset()
    assert list(decoder.feed(encode(message))) == [message]
