"""NOR flash: what can be written, what a power cut leaves, what survives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from edge_deployer.virtual_board.flash import FlashError, NorFlash, Operation, PowerCut, Supply
from tests.edge_deployer.virtual_board.small_board import Meter
from tests.small_files import no_file_larger_than

PAGE, PAGES = 64, 4
MakeFlash = Callable[..., NorFlash]
SHARES = st.floats(0, 1, exclude_max=True)
BLOCKS = st.binary(min_size=8, max_size=PAGE).map(lambda data: data[: len(data) // 8 * 8])


@pytest.fixture(scope="module")
def make_flash(tmp_path_factory: pytest.TempPathFactory) -> MakeFlash:
    folder, numbers = tmp_path_factory.mktemp("flash"), itertools.count()

    def make(supply: Supply | None = None) -> NorFlash:
        return NorFlash(folder / f"{next(numbers)}.bin", PAGES, PAGE, supply or Meter())

    return make


def failing_at(number: int, share: float) -> Supply:
    count = itertools.count()
    return lambda *_: share if next(count) == number else 1.0


def test_new_flash_is_erased_and_has_its_room_on_the_disk(tmp_path: Path) -> None:
    flash = NorFlash(tmp_path / "flash.bin", 512, 4096, Meter())
    assert flash.read(0, 512 * 4096) == b"\xff" * (512 * 4096)
    assert (tmp_path / "flash.bin").stat().st_blocks * 512 >= 512 * 4096


def test_flash_that_has_not_all_its_room_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "flash.bin"
    with path.open("wb") as file:
        file.truncate(512 * 4096)
    NorFlash(path, 512, 4096, Meter()).close()
    assert path.stat().st_blocks * 512 >= 512 * 4096


def test_flash_that_finds_no_room_says_so(tmp_path: Path) -> None:
    with (
        no_file_larger_than(PAGE),
        pytest.raises(TinyopsError, match=r"flash\.bin cannot be written: File too large"),
    ):
        NorFlash(tmp_path / "flash.bin", PAGES, PAGE, Meter())


def test_its_content_survives(tmp_path: Path) -> None:
    for _ in range(2):
        flash = NorFlash(tmp_path / "flash.bin", PAGES, PAGE, Meter())
        if flash.is_erased(8, 8):
            flash.write(8, b"survives")
        assert flash.read(0, 24) == b"\xff" * 8 + b"survives" + b"\xff" * 8
        flash.close()


def test_a_file_of_another_size_is_not_used(tmp_path: Path) -> None:
    NorFlash(tmp_path / "flash.bin", PAGES, PAGE, Meter()).close()
    with pytest.raises(TinyopsError, match=r"flash\.bin is a flash of 256 bytes, the board's profile has 320"):
        NorFlash(tmp_path / "flash.bin", PAGES + 1, PAGE, Meter())


@pytest.mark.parametrize(("offset", "data"), [(4, bytes(8)), (0, bytes(7)), (PAGES * PAGE, bytes(8)), (-8, bytes(8))])
def test_only_whole_blocks_inside_the_flash_are_written(make_flash: MakeFlash, offset: int, data: bytes) -> None:
    with pytest.raises(FlashError):
        make_flash().write(offset, data)


def test_an_area_ends_where_it_ends(make_flash: MakeFlash) -> None:
    flash = make_flash()
    area = flash.area(1, 2)
    area.write(0, b"in here!")
    assert flash.read(PAGE, 8) == b"in here!"
    for misuse in (
        lambda: area.write(2 * PAGE, bytes(8)),
        lambda: area.write(2 * PAGE - 8, bytes(16)),
        lambda: area.read(-1, 1),
        lambda: area.erase(2),
    ):
        with pytest.raises(FlashError):
            misuse()


@given(offset=st.integers(0, PAGES * 8 - 8).map(lambda block: 8 * block), data=BLOCKS)
def test_a_block_is_written_once_until_its_page_is_erased(make_flash: MakeFlash, offset: int, data: bytes) -> None:
    flash = make_flash()
    flash.write(offset, data)
    assert flash.read(offset, len(data)) == data
    if data.count(0xFF) < len(data):
        with pytest.raises(FlashError):
            flash.write(offset, data)
    for page in range(PAGES):
        flash.erase(page)
    assert flash.is_erased(0, PAGES * PAGE)
    flash.write(offset, data)
    flash.close()


@given(offset=st.integers(0, 7).map(lambda block: 8 * block), data=BLOCKS, share=SHARES)
def test_a_cut_write_leaves_a_prefix_and_a_byte_with_some_of_its_bits(
    make_flash: MakeFlash, offset: int, data: bytes, share: float
) -> None:
    data = data[: PAGE - offset]
    flash = make_flash(failing_at(0, share))
    with pytest.raises(PowerCut):
        flash.write(offset, data)
    left, whole = flash.read(offset, len(data)), int(share * len(data))
    assert left[:whole] == data[:whole]
    assert left[whole] & data[whole] == data[whole]
    assert left[whole + 1 :] == b"\xff" * (len(data) - whole - 1)
    flash.close()


@given(share=SHARES)
def test_a_cut_erase_leaves_the_rest_of_the_page_as_it_was(make_flash: MakeFlash, share: float) -> None:
    flash = make_flash(failing_at(2, share))
    flash.write(0, bytes(range(2 * PAGE)))
    with pytest.raises(PowerCut):
        flash.erase(1)
    erased = int(share * PAGE)
    assert flash.read(0, 2 * PAGE) == bytes(range(PAGE)) + b"\xff" * erased + bytes(range(PAGE + erased, 2 * PAGE))
    flash.close()


def test_each_page_is_an_operation_of_its_own(make_flash: MakeFlash) -> None:
    seen: list[tuple[Operation, int]] = []
    flash = make_flash(lambda *operation: seen.append(operation) or 1.0)  # type: ignore[func-returns-value]
    flash.erase(2)
    flash.write(PAGE - 8, bytes(PAGE + 16))
    assert seen == [("erase", PAGE), *(("write", nbytes) for nbytes in (8, PAGE, 8))]
