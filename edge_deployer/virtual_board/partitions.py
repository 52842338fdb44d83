"""The board's flash map: two image slots, then the claimed epoch and the security counter's floor."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder
from edge_deployer.virtual_board import rising_counter
from edge_deployer.virtual_board.flash import NorFlash, Supply
from edge_deployer.virtual_board.rising_counter import RisingCounter
from edge_deployer.virtual_board.trailer import SMALLEST_PAGE_BYTES, Magic, SwapType, Trailer, swap_type
from edge_deployer.wire.mcuboot import largest_image

_FILE = "flash.bin"


class Slot(IntEnum):
    """MCUmgr's slot numbers."""

    PRIMARY = 0
    SECONDARY = 1


class Flash:
    """All that survives a power cut, in a file in a directory that is made if it does not exist.

    Attributes:
        largest_image: bytes of the largest image that a slot takes.
        slots: the whole slots, of `slot_bytes`, trailer included.
        trailers: their trailers.
        epoch: the newest epoch that claimed the board.
        security_floor: the security counter below which no image boots.

    Raises:
        TinyopsError: a slot has no room for an image beside its trailer, or the file is another profile's or cannot be
            written.
    """

    def __init__(self, directory: Path, slot_bytes: int, page_bytes: int, supply: Supply) -> None:
        pages = slot_bytes // page_bytes
        self.largest_image = largest_image(pages, page_bytes)
        if page_bytes < SMALLEST_PAGE_BYTES or not self.largest_image:
            raise TinyopsError(
                f"a slot of {slot_bytes} bytes in pages of {page_bytes} has no room for an image beside its trailer",
                remedy=f"give the profile a greater slot_bytes, and page_bytes of at least {SMALLEST_PAGE_BYTES}",
            )
        make_folder(directory)
        self._nor = NorFlash(directory / _FILE, 2 * pages + 2 * rising_counter.PAGES, page_bytes, supply)
        self.slots = {slot: self._nor.area(slot * pages, pages) for slot in Slot}
        self.trailers = {slot: Trailer(area) for slot, area in self.slots.items()}
        self.epoch = RisingCounter(self._nor.area(2 * pages, rising_counter.PAGES))
        self.security_floor = RisingCounter(self._nor.area(2 * pages + rising_counter.PAGES, rising_counter.PAGES))

    def close(self) -> None:
        """Let go of the file."""
        self._nor.close()

    def image(self, slot: Slot) -> bytes:
        """The part of a slot that an image may be in, with whatever follows the image."""
        return self.slots[slot].read(0, self.largest_image)

    def erase(self, slot: Slot) -> None:
        """Erase a slot with its trailer."""
        self.slots[slot].erase_used(range(self.slots[slot].pages))

    @property
    def swap_type(self) -> SwapType:
        """What the next boot will do; between boots, a revert means that the primary image is on trial."""
        return swap_type(self.trailers[Slot.PRIMARY].state, self.trailers[Slot.SECONDARY].state)

    def set_pending(self, *, permanent: bool) -> None:
        """Have the secondary image boot next. Source: MCUboot's `boot_set_pending`, its order of writes included.

        Asking again changes nothing, except that a test may become permanent. What a power cut left of a trailer is
        erased and rewritten; MCUboot gives the whole slot up.
        """
        trailer = self.trailers[Slot.SECONDARY]
        if trailer.state.magic is not Magic.GOOD:
            trailer.erase()
            trailer.write_magic()
        if permanent:
            trailer.set_image_ok()
        trailer.write_swap_info(SwapType.PERM if permanent else SwapType.TEST)

    def confirm(self) -> None:
        """Keep the primary image. Source: MCUboot's `boot_set_confirmed`."""
        trailer = self.trailers[Slot.PRIMARY]
        if trailer.state.on_trial:
            trailer.set_image_ok()
