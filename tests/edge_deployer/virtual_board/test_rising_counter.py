"""A number that no power cut can lower."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.virtual_board.flash import NorFlash, PowerCut
from edge_deployer.virtual_board.rising_counter import PAGES, RisingCounter
from tests.edge_deployer.virtual_board.small_board import Meter

PAGE = 64
LARGEST = (1 << 64) - 1
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("counter")


def counter_at(path: Path, meter: Meter) -> tuple[RisingCounter, NorFlash]:
    flash = NorFlash(path, PAGES, PAGE, meter)
    return RisingCounter(flash), flash


@given(values=st.lists(st.integers(0, LARGEST), max_size=40))
def test_it_holds_the_greatest_value_over_any_number_of_pages(folder: Path, values: list[int]) -> None:
    path = folder / f"{next(_NUMBERS)}.bin"
    for count, value in enumerate(values, start=1):
        counter, flash = counter_at(path, Meter())
        counter.raise_to(value)
        assert counter.value == max(values[:count])
        flash.close()


@given(
    values=st.lists(st.integers(1, LARGEST), min_size=1, max_size=30, unique=True).map(sorted),
    cuts=st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1, exclude_max=True)), max_size=8),
)
def test_no_power_cut_lowers_it_or_stops_it(folder: Path, values: list[int], cuts: list[tuple[int, float]]) -> None:
    meter = Meter()
    counter, flash = counter_at(folder / f"{next(_NUMBERS)}.bin", meter)
    before = 0
    for number, value in enumerate(values):
        for at, share in cuts:
            if at == number:
                meter.cut_after(0, share)
                with pytest.raises(PowerCut):
                    counter.raise_to(value)
                meter.restore()
                assert counter.value in {before, value}
                if counter.value == value:
                    break
        counter.raise_to(value)
        assert counter.value == value
        before = value
    flash.close()


@given(content=st.binary(min_size=PAGES * PAGE, max_size=PAGES * PAGE))
def test_garbage_does_not_stop_it(folder: Path, content: bytes) -> None:
    counter, flash = counter_at(folder / f"{next(_NUMBERS)}.bin", Meter())
    flash.write(0, content)
    value = counter.value
    if value < LARGEST:
        counter.raise_to(value + 1)
        assert counter.value == value + 1
    flash.close()
