"""The release image: what imgtool is asked for."""

from __future__ import annotations

from edge_deployer.release.image import sign_image
from edge_deployer.release.keys import SigningKey
from edge_deployer.wire.mcuboot import TlvType, parse_image


def test_an_image_carries_the_security_counter_it_was_given(signing_key: SigningKey) -> None:
    image = sign_image(b"model" * 9, version="1.0.0", manifest=b"{}", key=signing_key, security_counter=7)
    assert parse_image(image.data).security_counter == 7
    assert (image.payload, image.manifest) == (b"model" * 9, b"{}")


def test_an_image_has_no_security_counter_unless_it_was_given_one(signing_key: SigningKey) -> None:
    image = parse_image(sign_image(b"model", version="1.0.0", manifest=b"{}", key=signing_key).data)
    assert TlvType.SEC_CNT not in image.protected
    assert image.security_counter == 0
