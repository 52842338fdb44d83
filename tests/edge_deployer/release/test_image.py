"""The release image: what imgtool is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_deployer.release.image import DamagedImage, SignedByAnother, is_signed, read_image, sign_image
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


def test_the_bytes_are_those_of_imgtool_with_a_key_file(tmp_path: Path, signing_key: SigningKey) -> None:
    (tmp_path / "model").write_bytes(b"model" * 50)
    (tmp_path / "tlv").write_bytes(b"manifest")
    command = [sys.executable, "-m", "imgtool.main", "sign", "--key", str(signing_key.path), "--version", "1.2.3+4"]
    command += ["--header-size", "32", "--pad-header", "--align", "8", "--slot-size", "0x1000000", "--sha", "256"]
    command += ["--custom-tlv-file", "0xa0", "tlv", "model", "image.bin"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    ours = sign_image(b"model" * 50, version="1.2.3+4", manifest=b"manifest", key=signing_key)
    assert ours.data == (tmp_path / "image.bin").read_bytes()


def test_either_of_two_trusted_keys_may_have_signed(signing_key: SigningKey, other_key: SigningKey) -> None:
    both = other_key.public_pem + signing_key.public_pem
    for key in (signing_key, other_key):
        image = sign_image(b"model", version="1.0.0", manifest=b"{}", key=key)
        assert read_image(image.data, public_pem=both) == image
    with pytest.raises(SignedByAnother) as raised:
        read_image(image.data, public_pem=signing_key.public_pem)
    assert raised.value.message == (
        f"the release image is signed with key {other_key.id[:8]}, and not with a key that is trusted, "
        f"{signing_key.id[:8]}"
    )


def test_an_image_that_names_another_key_than_its_own_is_refused(
    signing_key: SigningKey, other_key: SigningKey
) -> None:
    """MCUboot looks a key up by the KEYHASH: a board would refuse it."""
    image = sign_image(b"model", version="1.0.0", manifest=b"{}", key=signing_key).data
    both = other_key.public_pem + signing_key.public_pem
    named_other = image.replace(bytes.fromhex(signing_key.id), bytes.fromhex(other_key.id))
    assert named_other != image
    with pytest.raises(DamagedImage, match="invalid signature"):
        read_image(named_other, public_pem=both)
    named_none = image.replace(bytes.fromhex(signing_key.id), bytes(32))
    with pytest.raises(SignedByAnother, match="key 00000000"):
        read_image(named_none, public_pem=both)
    assert not is_signed(named_none, signing_key.public_pem)
