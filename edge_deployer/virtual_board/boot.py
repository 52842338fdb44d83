"""What MCUboot does at every start: swap on test or confirm, revert what nobody confirmed, check the signature.

Source: MCUboot's `loader.c`, with "swap using move" and a stored security counter.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.public_key import key_id
from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.swap import begin_swap, complete_swap, swap_under_way
from edge_deployer.virtual_board.trailer import SwapType
from edge_deployer.wire.mcuboot import HEADER_BYTES, ImageFormatError, McubootImage, TlvType, parse_image

_log = logging.getLogger(__name__)


def boot(flash: Flash, keys: Sequence[Ed25519PublicKey]) -> McubootImage | None:
    """Settle which image runs.

    Returns:
        The image in the primary slot, or None where it holds none that may boot.

    Raises:
        PowerCut: power went; the next boot goes on from there.
    """
    _settle(flash, keys)
    image = _valid(flash, Slot.PRIMARY, keys)
    if image is not None and not flash.trailers[Slot.PRIMARY].state.on_trial:
        # Not while it is on trial: the image that it may be reverted to would be refused.
        flash.security_floor.raise_to(image.security_counter)
    return image


def _settle(flash: Flash, keys: Sequence[Ed25519PublicKey]) -> None:
    under_way = swap_under_way(flash)
    if under_way and flash.trailers[Slot.PRIMARY].steps_done:
        _log.info("boot: goes on with a swap")
        complete_swap(flash)
        return
    wanted = flash.trailers[Slot.PRIMARY].state.swap_type if under_way else flash.swap_type
    if wanted is SwapType.NONE:
        return
    if not _may_swap(flash, wanted, keys):
        _give_up(flash)
        return
    if not under_way:
        begin_swap(flash, wanted, max(_image_bytes(flash, slot) for slot in Slot))
    complete_swap(flash)
    _log.info("boot: %s", _WORDS[wanted])


_WORDS = {
    SwapType.TEST: "swapped, on trial",
    SwapType.PERM: "swapped, permanent",
    SwapType.REVERT: "the image on trial was not confirmed: reverted",
}


def _may_swap(flash: Flash, wanted: SwapType, keys: Sequence[Ed25519PublicKey]) -> bool:
    """Whether the secondary slot has what may boot.

    A first image on trial reverts to the empty slot it came into, and the board waits for another: nobody accepted that
    image. MCUboot would go on running it.
    """
    if wanted is SwapType.REVERT and flash.slots[Slot.SECONDARY].is_erased(0, HEADER_BYTES):
        return True
    return _valid(flash, Slot.SECONDARY, keys) is not None


def _give_up(flash: Flash) -> None:
    """Stay with the primary image, for good, and erase the secondary one.

    The secondary slot goes last: without it a revert cut in between would be one to an empty slot.
    """
    under_way = swap_under_way(flash)
    flash.trailers[Slot.PRIMARY].set_image_ok()
    if under_way:
        flash.trailers[Slot.PRIMARY].set_copy_done()
    flash.erase(Slot.SECONDARY)


def _image_bytes(flash: Flash, slot: Slot) -> int:
    """Bytes of the image in a slot; 0 for what is none."""
    try:
        return parse_image(flash.image(slot)).length
    except ImageFormatError:
        return 0


def _valid(flash: Flash, slot: Slot, keys: Sequence[Ed25519PublicKey]) -> McubootImage | None:
    try:
        return verify_image(flash.image(slot), keys, flash.security_floor.value)
    except ImageRejected as rejection:
        _log.info("boot: %s slot: %s", slot.name.lower(), rejection)
        return None


class ImageRejected(Exception):
    """The image must not boot."""


def verify_image(data: bytes, keys: Sequence[Ed25519PublicKey], floor: int = 0) -> McubootImage:
    """Check an image as MCUboot does: its SHA-256, an ed25519 signature over that, its security counter.

    The image's KEYHASH says which of the board's keys it is that signed it (`bootutil_find_key`).

    Raises:
        ImageRejected: it is damaged, unsigned, names none of these keys, is not signed by the one that it names, or its
            security counter is below the floor.
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
    signer = image.unprotected.get(TlvType.KEY_HASH, b"").hex()
    key = next((key for key in keys if key_id(key) == signer), None)
    if key is None:
        raise ImageRejected("the image names another key than the board's")
    try:
        key.verify(signature, image.digest)
    except InvalidSignature as error:
        raise ImageRejected("the image's signature is not by the key that it names") from error
    if counter < floor:
        raise ImageRejected(f"the image's security counter is {counter}, below the board's floor of {floor}")
    return image
