"""What MCUboot does at every start: swap on test or confirm, revert what nobody confirmed, check the signature."""

from __future__ import annotations

import logging
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.virtual_board.flash import Flash, Slot, Trailer
from edge_deployer.virtual_board.verification import ImageRejected, verify_image
from edge_deployer.wire.mcuboot import McubootImage

_log = logging.getLogger(__name__)


def boot(flash: Flash, key: Ed25519PublicKey) -> McubootImage | None:
    """Settle which image runs.

    Args:
        flash: slots and trailer; changed by a swap or a revert.
        key: the key images must be signed with.

    Returns:
        The image in the primary slot, or None where it holds none that may boot.
    """
    trailer = flash.trailer
    if trailer.pending is not None:
        _swap_if_valid(flash, key, trailer)
    elif not trailer.confirmed:
        _log.info("boot: the image on trial was not confirmed: reverted")
        flash.trailer = replace(trailer.swapped(), confirmed=True)
    return _valid(flash, Slot.PRIMARY, key)


def _swap_if_valid(flash: Flash, key: Ed25519PublicKey, trailer: Trailer) -> None:
    if _valid(flash, Slot.SECONDARY, key) is None:
        flash.trailer = replace(trailer, pending=None)
        flash.erase(Slot.SECONDARY)
        return
    permanent = trailer.pending == "permanent"
    _log.info("boot: swapped, %s", "permanent" if permanent else "on trial")
    flash.trailer = replace(trailer.swapped(), pending=None, confirmed=permanent)


def _valid(flash: Flash, slot: Slot, key: Ed25519PublicKey) -> McubootImage | None:
    try:
        return verify_image(flash.read(slot), key)
    except ImageRejected as rejection:
        _log.info("boot: %s slot: %s", slot.name.lower(), rejection)
        return None
