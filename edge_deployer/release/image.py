"""The MCUboot image: imgtool makes and verifies it.

Layout: MCUboot's image format (header, payload, protected TLVs, TLVs). The payload is the ``.tflite`` file as it is.
"""

from __future__ import annotations

import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from imgtool.image import Image, VerifyResult
from imgtool.keys import Ed25519Public

from edge_deployer.child_process import module_command
from edge_deployer.errors import TinyopsError
from edge_deployer.files import writing
from edge_deployer.public_key import key_id, public_keys, short_ids
from edge_deployer.release.keys import SigningKey
from edge_deployer.wire.mcuboot import HEADER_BYTES, TlvType, parse_image

MANIFEST_TLV = 0x00A0
"""Protected TLV that holds the manifest; 0xXXA0-0xXXFE are MCUboot's vendor range."""

_TEMPORARY_REMEDY = "make the folder for temporary files writable, or name another one in TMPDIR"


class DamagedImage(TinyopsError):
    """Bytes that are no image, or not the one that was signed."""


class SignedByAnother(TinyopsError):
    """An image that is whole, and signed with another key than those it was verified with."""


@dataclass(frozen=True)
class SignedImage:
    """A verified image."""

    data: bytes  # The bytes a board is given.
    hash: bytes  # MCUboot's image hash (the SHA-256 TLV), 32 bytes; the release's identity on a board.
    payload: bytes
    manifest: bytes


def sign_image(
    payload: bytes, *, version: str, manifest: bytes, key: SigningKey, security_counter: int = 0
) -> SignedImage:
    """Make a signed image of a model. ed25519 is deterministic: the same arguments give the same bytes.

    Args:
        payload: the model.
        version: ``major.minor.revision`` with an optional ``+build``.
        manifest: value of the protected TLV.
        key: signs the image.
        security_counter: a board that has confirmed an image with a greater one refuses this. 0, which is what an image
            without a counter has, leaves it out.

    Raises:
        TinyopsError: imgtool refuses, with its own words.
    """
    with tempfile.TemporaryDirectory() as folder:
        model, tlv, image = (Path(folder) / name for name in ("model", "manifest", "image.bin"))
        with writing(f"temporary folder {folder}", remedy=_TEMPORARY_REMEDY):
            model.write_bytes(payload)
            tlv.write_bytes(manifest)
        # The slot size only bounds the image here; the board's own slot is checked against its profile.
        # imgtool wants a file with the key: it gets a pipe, so that the key is on no disk but its owner's.
        command = [*module_command("imgtool.main"), "sign", "--key", "/dev/stdin", "--version", version]
        # A flatbuffer wants its data 16-byte aligned, and the payload starts after the header.
        command += ["--header-size", str(HEADER_BYTES), "--pad-header", "--align", "8", "--slot-size", "0x1000000"]
        command += ["--security-counter", str(security_counter)] if security_counter else []
        command += ["--sha", "256", "--custom-tlv-file", hex(MANIFEST_TLV), *map(str, (tlv, model, image))]
        done = subprocess.run(command, input=key.private_pem(), capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode().strip().rpartition("\n")[2] or f"exit status {done.returncode}"
            remedy = "check the key and the version"
            raise TinyopsError(f"imgtool cannot sign the release with {key.name}: {said}", remedy=remedy)
        return read_image(image.read_bytes(), public_pem=key.public_pem)


def read_image(data: bytes, *, public_pem: bytes) -> SignedImage:
    """Verify an image's hash and signature and take it apart. An unsigned image is refused.

    Args:
        data: the image.
        public_pem: PEM blocks of the keys, any of which may have signed it. As for MCUboot, the KEYHASH TLV says which.

    Raises:
        DamagedImage: not an image, a wrong hash, or a signature that is not of the key that the image names.
        SignedByAnother: it names another key as the one that signed it, or none.
    """
    trusted = {key_id(key): key for key in public_keys(public_pem)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.bin"
        with writing(f"temporary folder {folder}", remedy=_TEMPORARY_REMEDY):
            path.write_bytes(data)
        try:
            image = parse_image(data)
            digest, signer = image.hash, image.unprotected.get(TlvType.KEY_HASH, b"").hex()
            result, *_ = Image.verify(str(path), Ed25519Public(trusted.get(signer) or next(iter(trusted.values()))))
        except (OSError, ValueError, struct.error) as error:
            raise DamagedImage(f"the release image is damaged: {error}", remedy="build the release again") from error
    remedy = "sign the release with a key whose public half the boards hold"
    if signer not in trusted and result in (VerifyResult.OK, VerifyResult.INVALID_SIGNATURE):
        named = f"with key {short_ids([signer])}" if signer else "with no key"
        message = f"the release image is signed {named}, and not with a key that is trusted, {short_ids(trusted)}"
        raise SignedByAnother(message, remedy=remedy)
    if result is not VerifyResult.OK:
        message = f"the release image does not verify with the public key: {result.name.lower().replace('_', ' ')}"
        raise DamagedImage(message, remedy=remedy)
    return SignedImage(data, digest, image.payload, image.protected.get(MANIFEST_TLV, b""))


def is_signed(data: bytes, public_pem: bytes) -> bool:
    """Whether an image is whole, and one of these keys signed it."""
    try:
        read_image(data, public_pem=public_pem)
    except (DamagedImage, SignedByAnother):
        return False
    return True
