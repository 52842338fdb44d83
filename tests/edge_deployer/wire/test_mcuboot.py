"""MCUboot images: imgtool writes them, we read them."""

from __future__ import annotations

import hashlib

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


@given(st.binary(max_size=400))
def test_noise_is_an_error(data: bytes) -> None:
    with pytest.raises(ImageFormatError):
        parse_image(data)


def test_an_image_without_a_key_has_a_hash_but_no_signature() -> None:
    parsed = parse_image(make_image(PAYLOAD, "1.0.0", None))
    assert parsed.hash == parsed.digest
    assert TlvType.ED25519 not in parsed.unprotected
