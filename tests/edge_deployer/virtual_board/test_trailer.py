"""MCUboot's trailer: the layout imgtool writes, swap types, and what half-written or random bytes mean."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.virtual_board.flash import Area, NorFlash, PowerCut
from edge_deployer.virtual_board.trailer import (
    Magic,
    SwapType,
    Trailer,
    TrailerState,
    swap_type,
)
from edge_deployer.wire.mcuboot import largest_image, trailer_pages
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import PAGE_BYTES, SLOT_BYTES, Meter

PAGES = SLOT_BYTES // PAGE_BYTES
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trailer")


def make_slot(folder: Path, meter: Meter | None = None) -> Area:
    return NorFlash(folder / f"{next(_NUMBERS)}.bin", PAGES, PAGE_BYTES, meter or Meter())


def state(
    magic: Magic = Magic.UNSET,
    *,
    image_ok: bool = False,
    copy_done: bool = False,
    kind: SwapType = SwapType.NONE,
) -> TrailerState:
    return TrailerState(magic, image_ok, copy_done, kind, 0)


ANY = state(Magic.GOOD, image_ok=True, copy_done=True)
TRIAL = state(Magic.GOOD, copy_done=True, kind=SwapType.TEST)


@pytest.mark.parametrize(
    ("primary", "secondary", "expected"),
    [
        (state(), state(), SwapType.NONE),
        (ANY, state(Magic.GOOD), SwapType.TEST),
        (state(), state(Magic.GOOD), SwapType.TEST),
        (TRIAL, state(Magic.GOOD), SwapType.TEST),
        (ANY, state(Magic.GOOD, image_ok=True), SwapType.PERM),
        (TRIAL, state(), SwapType.REVERT),
        (TRIAL, state(Magic.BAD, image_ok=True), SwapType.REVERT),
        (state(), state(Magic.GOOD, image_ok=True, kind=SwapType.REVERT), SwapType.REVERT),
        (state(Magic.GOOD, image_ok=True, copy_done=True), state(), SwapType.NONE),
        (state(Magic.GOOD), state(), SwapType.NONE),
        (state(Magic.BAD, copy_done=True), state(), SwapType.NONE),
        (state(), state(Magic.BAD, image_ok=True), SwapType.NONE),
    ],
)
def test_the_table_of_swap_types(primary: TrailerState, secondary: TrailerState, expected: SwapType) -> None:
    assert swap_type(primary, secondary) is expected


@pytest.mark.parametrize(("option", "image_ok"), [("--pad", False), ("--confirm", True)])
def test_the_trailer_that_imgtool_pads_an_image_with_is_read(
    tmp_path: Path, signer: Signer, option: str, image_ok: bool
) -> None:
    payload, padded = tmp_path / "payload", tmp_path / "padded"
    payload.write_bytes(b"model" * 20)
    command = [str(Path(sys.executable).with_name("imgtool")), "sign", "--key", str(signer.private_key), "--version"]
    command += ["1.0.0", "--header-size", "32", "--pad-header", "--align", "8", "--slot-size", str(SLOT_BYTES)]
    subprocess.run(
        [*command, "--max-sectors", str(PAGES), option, str(payload), str(padded)], check=True, capture_output=True
    )
    slot = make_slot(tmp_path)
    slot.write(0, padded.read_bytes())
    read = Trailer(slot).state
    assert (read.magic, read.image_ok, read.copy_done) == (Magic.GOOD, image_ok, False)


def test_the_largest_image_leaves_the_trailer_and_a_page_to_move_into() -> None:
    # 48 bytes and 24 for each page: 816 bytes are 7 pages of 128.
    assert trailer_pages(32, 128) == 7
    assert largest_image(32, 128) == (32 - 7 - 1) * 128
    assert largest_image(2, 4096) == 0


def test_fields_are_read_as_written(tmp_path: Path) -> None:
    slot = make_slot(tmp_path)
    trailer = Trailer(slot)
    trailer.write_swap_info(SwapType.REVERT)
    trailer.set_image_ok()
    trailer.write_swap_size(1234)
    trailer.record_step(5)
    trailer.write_magic()
    assert trailer.state == TrailerState(Magic.GOOD, True, False, SwapType.REVERT, 1234)
    assert trailer.steps_done == 6
    trailer.set_copy_done()
    assert trailer.state.copy_done
    assert slot.is_erased(0, (PAGES - trailer_pages(PAGES, PAGE_BYTES)) * PAGE_BYTES)
    trailer.erase()
    assert trailer.state == TrailerState(Magic.UNSET, False, False, SwapType.NONE, 0xFFFFFFFF)
    assert trailer.steps_done == 0


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_field_that_a_power_cut_left_half_written_is_set_or_unset_and_can_be_set_again(
    folder: Path, share: float
) -> None:
    meter = Meter()
    trailer = Trailer(make_slot(folder, meter))
    for field in (trailer.set_image_ok, trailer.set_copy_done):
        meter.cut_after(0, share)
        with pytest.raises(PowerCut):
            field()
        meter.restore()
        field()
    assert (trailer.state.image_ok, trailer.state.copy_done) == (True, True)
    meter.cut_after(0, share)
    with pytest.raises(PowerCut):
        trailer.write_magic()
    meter.restore()
    trailer.erase()
    trailer.write_magic()
    assert trailer.state.magic is Magic.GOOD


@given(data=st.data())
def test_any_bytes_are_a_state(folder: Path, data: st.DataObject) -> None:
    slot = make_slot(folder)
    size = trailer_pages(PAGES, PAGE_BYTES) * PAGE_BYTES
    slot.write(SLOT_BYTES - size, data.draw(st.binary(min_size=size, max_size=size)))
    trailer = Trailer(slot)
    assert trailer.state.swap_type is not SwapType.FAIL
    assert 0 <= trailer.steps_done <= 3 * PAGES
    # Whatever they are, setting a flag that is not set never writes where the flash is not erased.
    trailer.set_image_ok()
    trailer.set_copy_done()
    assert (trailer.state.image_ok, trailer.state.copy_done) == (True, True)
