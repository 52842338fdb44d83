"""What the boot logic wants of an image."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.wire.mcuboot import ImageFormatError, McubootImage, TlvType, parse_image


class ImageRejected(Exception):
    """The image must not boot."""


def verify_image(data: bytes, key: Ed25519PublicKey, floor: int = 0) -> McubootImage:
    """Check an image as MCUboot does: its SHA-256, an ed25519 signature over that, its security counter.

    Args:
        data: the slot.
        key: the only key whose signature counts.
        floor: the least security counter that may boot.

    Raises:
        ImageRejected: it is damaged, unsigned, signed by another key, or its security counter is below the floor.
    """
    try:
        image = parse_image(data)
        claimed, counter = image.hash, image.security_counter
    except ImageFormatError as error:
        raise ImageRejected(str(error)) from error
    if claimed != image.digest:
        raise ImageRejected("the image's SHA-256 is not the one it claims")
    signature = image.unprotected.get(TlvType.ED25519)
    if signature is None:
        raise ImageRejected("the image has no ed25519 signature")
    try:
        key.verify(signature, image.digest)
    except InvalidSignature as error:
        raise ImageRejected("the image's signature is not by the board's key") from error
    if counter < floor:
        raise ImageRejected(f"the image's security counter is {counter}, below the board's floor of {floor}")
    return image
