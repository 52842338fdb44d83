"""What MCUboot does at every start: swap on test or confirm, revert what nobody confirmed, check the signature.

Source: MCUboot's `loader.c`, with "swap using move" and a stored security counter.
"""

from __future__ import annotations

import logging

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.swap import begin_swap, complete_swap, swap_under_way
from edge_deployer.virtual_board.trailer import SwapType
from edge_deployer.virtual_board.verification import ImageRejected, verify_image
from edge_deployer.wire.mcuboot import HEADER_BYTES, ImageFormatError, McubootImage, parse_image

_log = logging.getLogger(__name__)


def boot(flash: Flash, key: Ed25519PublicKey) -> McubootImage | None:
    """Settle which image runs.

    Args:
        flash: slots and trailers; changed by a swap or a revert.
        key: the key images must be signed with.

    Returns:
        The image in the primary slot, or None where it holds none that may boot.

    Raises:
        PowerCut: power went; the next boot goes on from there.
    """
    _settle(flash, key)
    image = _valid(flash, Slot.PRIMARY, key)
    if image is not None and not flash.trailer(Slot.PRIMARY).state.on_trial:
        # Not while it is on trial: the image that it may be reverted to would be refused.
        flash.raise_security_floor(image.security_counter)
    return image


def _settle(flash: Flash, key: Ed25519PublicKey) -> None:
    under_way = swap_under_way(flash)
    if under_way and flash.trailer(Slot.PRIMARY).steps_done:
        _log.info("boot: goes on with a swap")
        complete_swap(flash)
        return
    wanted = flash.trailer(Slot.PRIMARY).state.swap_type if under_way else flash.swap_type
    if wanted is SwapType.NONE:
        return
    if not _may_swap(flash, wanted, key):
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


def _may_swap(flash: Flash, wanted: SwapType, key: Ed25519PublicKey) -> bool:
    """Whether the secondary slot has what may boot.

    A first image on trial reverts to the empty slot it came into, and the board waits for another: nobody accepted that
    image. MCUboot would go on running it.
    """
    if wanted is SwapType.REVERT and flash.slot(Slot.SECONDARY).is_erased(0, HEADER_BYTES):
        return True
    return _valid(flash, Slot.SECONDARY, key) is not None


def _give_up(flash: Flash) -> None:
    """Stay with the primary image, for good, and erase the secondary one.

    The secondary slot goes last: without it a revert cut in between would be one to an empty slot.
    """
    under_way = swap_under_way(flash)
    flash.trailer(Slot.PRIMARY).set_image_ok()
    if under_way:
        flash.trailer(Slot.PRIMARY).set_copy_done()
    flash.erase(Slot.SECONDARY)


def _image_bytes(flash: Flash, slot: Slot) -> int:
    """Bytes of the image in a slot; 0 for what is none."""
    try:
        return parse_image(flash.image(slot)).length
    except ImageFormatError:
        return 0


def _valid(flash: Flash, slot: Slot, key: Ed25519PublicKey) -> McubootImage | None:
    try:
        return verify_image(flash.image(slot), key, flash.security_floor)
    except ImageRejected as rejection:
        _log.info("boot: %s slot: %s", slot.name.lower(), rejection)
        return None
