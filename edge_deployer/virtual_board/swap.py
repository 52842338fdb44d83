"""MCUboot's "swap using move": the two images change places, and no power cut can stop that for good.

Source: MCUboot's design document, "Swap using move"; `swap_move.c`. First the primary image moves up by one page, last
page first; then, page by page, the secondary image goes down into the gap and the primary one into the secondary slot.
Each step erases a page and fills it from one that stays as it is until the step is recorded, so a step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_deployer.virtual_board.flash import Area
from edge_deployer.virtual_board.partitions import Flash, Slot
from edge_deployer.virtual_board.trailer import Magic, SwapType

_PERMANENT = frozenset({SwapType.PERM, SwapType.REVERT})


@dataclass(frozen=True)
class _Step:
    """A page that is copied to another, and the entry of the swap status that records it."""

    entry: int
    source: Area
    source_page: int
    target: Area
    target_page: int

    def run(self) -> None:
        content = self.source.read(self.source_page * self.source.page_bytes, self.source.page_bytes)
        self.target.erase(self.target_page)
        self.target.write(self.target_page * self.target.page_bytes, content)


def swap_under_way(flash: Flash) -> bool:
    """Whether a swap has begun and is not complete.

    The primary trailer alone tells. MCUboot also wants the secondary magic to be gone; but its erase may be cut after
    image_ok and before the magic, and a permanent swap would begin again as a test.
    """
    state = flash.trailers[Slot.PRIMARY].state
    begun = state.magic is Magic.GOOD and not state.copy_done and state.swap_type is not SwapType.NONE
    return begun and 0 < state.swap_size <= flash.largest_image


def begin_swap(flash: Flash, swap_type: SwapType, swap_size: int) -> None:
    """Write down which swap is to be made, over the bytes of the larger image; with the primary magic it will be."""
    primary, secondary = flash.trailers[Slot.PRIMARY], flash.trailers[Slot.SECONDARY]
    if secondary.state.magic is not Magic.GOOD:
        # A revert is known by the primary trailer, which is about to be erased: the secondary one takes over.
        secondary.erase()
        secondary.write_swap_info(swap_type)
        secondary.set_image_ok()
        secondary.write_swap_size(swap_size)
        secondary.write_magic()
    primary.erase()
    primary.write_swap_info(swap_type)
    if swap_type in _PERMANENT:
        primary.set_image_ok()
    primary.write_swap_size(swap_size)
    primary.write_magic()


def complete_swap(flash: Flash) -> None:
    """Make the swap that has begun, from wherever it was left."""
    trailer = flash.trailers[Slot.PRIMARY]
    done = trailer.steps_done
    if not done:
        flash.trailers[Slot.SECONDARY].erase()
    for step in _steps(flash, trailer.state.swap_size):
        if step.entry >= done:
            step.run()
            trailer.record_step(step.entry)
    # What came for good has had its image_ok from the beginning; anything else is on trial from here on.
    trailer.set_copy_done()


def _steps(flash: Flash, swap_size: int) -> Iterator[_Step]:
    primary, secondary = flash.slots[Slot.PRIMARY], flash.slots[Slot.SECONDARY]
    pages = -(-swap_size // primary.page_bytes)
    for moved in range(pages):
        yield _Step(moved, primary, pages - 1 - moved, primary, pages - moved)
    # The status has an entry for moving each page of the slot, used or not, before those for swapping.
    for page in range(pages):
        entry = primary.pages + 2 * page
        yield _Step(entry, secondary, page, primary, page)
        yield _Step(entry + 1, primary, page + 1, secondary, page)
