"""MCUboot images: imgtool writes them, we read them."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.wire.mcuboot import ImageFormatError, TlvType, parse_image
from tests.edge_deployer.virtual_board.running_board import Signer, make_image

PAYLOAD = bytes(range(256)) * 3


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Signer.generate(tmp_path_factory.mktemp("key")).sign(PAYLOAD, "1.2.3+4")


def test_an_image_of_imgtool_is_read(image: bytes) -> None:
    parsed = parse_image(image)
    assert parsed.version == "1.2.3.4"
    assert parsed.payload == PAYLOAD
    assert parsed.hash == parsed.digest == hashlib.sha256(parsed.signed).digest()
    assert len(parsed.unprotected[TlvType.ED25519]) == 64


def test_an_erased_rest_of_the_slot_does_not_matter(image: bytes) -> None:
    assert parse_image(image + b"\xff" * 1000) == parse_image(image)


def test_a_changed_payload_changes_the_digest(image: bytes) -> None:
    changed = bytearray(image)
    changed[100] ^= 1
    parsed = parse_image(bytes(changed))
    assert parsed.hash != parsed.digest


@given(length=st.integers(0, 1000))
def test_a_truncated_image_is_an_error(image: bytes, length: int) -> None:
    with pytest.raises(ImageFormatError):
        parse_image(image[: min(length, len(image) - 1)])


@given(data=st.data())
def test_a_mutated_image_is_an_image_or_an_error(image: bytes, data: st.DataObject) -> None:
    mutated = bytearray(image)
    for _ in range(data.draw(st.integers(1, 4))):
        # The header and the TLVs are where damage can lead astray.
        at = data.draw(st.one_of(st.integers(0, 31), st.integers(32 + len(PAYLOAD), len(image) - 1)))
        mutated[at] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_image(bytes(mutated))
        numbers = parsed.security_counter, parsed.length, len(parsed.hash)
    except ImageFormatError:
        return
    assert parsed.length <= len(mutated)
    assert all(number >= 0 for number in numbers)


@pytest.mark.parametrize("counter", [1, 0xFFFFFFFF])
def test_the_security_counter_is_read(tmp_path_factory: pytest.TempPathFactory, counter: int) -> None:
    signer = Signer.generate(tmp_path_factory.mktemp("counter"))
    parsed = parse_image(signer.sign(PAYLOAD, security_counter=counter) + b"\xff" * 50)
    assert parsed.security_counter == counter
    assert TlvType.SEC_CNT in parsed.protected


def test_an_image_without_a_security_counter_has_0(image: bytes) -> None:
    assert parse_image(image).security_counter == 0


def test_a_security_counter_that_the_signature_does_not_cover_does_not_count(image: bytes) -> None:
    end = parse_image(image).length
    start = 32 + len(PAYLOAD)
    tlvs = image[start + 4 : end] + struct.pack("<HHI", TlvType.SEC_CNT, 4, 9)
    forged = image[:start] + struct.pack("<HH", 0x6907, len(tlvs) + 4) + tlvs
    assert parse_image(forged).security_counter == 0


def test_a_security_counter_of_another_size_is_an_error(image: bytes) -> None:
    counter = struct.pack("<HHHHH", 0x6908, 10, TlvType.SEC_CNT, 2, 9)
    header = bytearray(image[:32])
    struct.pack_into("<H", header, 10, len(counter))
    start = 32 + len(PAYLOAD)
    with pytest.raises(ImageFormatError, match="security counter has 2 bytes"):
        parse_image(bytes(header) + image[32:start] + counter + image[start:]).security_counter  # noqa: B018


@given(st.binary(max_size=400))
def test_noise_is_an_error(data: bytes) -> None:
    with pytest.raises(ImageFormatError):
        parse_image(data)


def test_an_image_without_a_key_has_a_hash_but_no_signature() -> None:
    parsed = parse_image(make_image(PAYLOAD, "1.0.0", None))
    assert parsed.hash == parsed.digest
    assert TlvType.ED25519 not in parsed.unprotected
