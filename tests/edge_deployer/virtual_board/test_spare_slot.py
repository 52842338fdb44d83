"""Uploads into the spare slot: written as they arrive, and forgotten by a reset."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.flash import NorFlash, Operation
from edge_deployer.virtual_board.spare_slot import SlotWriter
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import SmallBoard

PAGE, PAGES = 64, 8
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> SmallBoard:
    board = SmallBoard(tmp_path_factory.mktemp("board"), read_public_keys(signer.public_key))
    board.start()
    return board


@pytest.fixture(autouse=True)
def _fresh(board: SmallBoard) -> None:
    board.start()
    board.ask(1, 5, {})


@pytest.fixture(scope="module")
def image(signer: Signer) -> bytes:
    return signer.sign(bytes(range(100)) * 7, "1.0.0")


@given(pieces=st.lists(st.binary(max_size=150), max_size=8))
def test_what_is_written_in_any_pieces_is_in_the_slot(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    data = b"".join(pieces)[: PAGES * PAGE]
    operations: list[tuple[Operation, int]] = []
    path = tmp_path_factory.getbasetemp() / f"slot{next(_NUMBERS)}.bin"
    slot = NorFlash(path, PAGES, PAGE, lambda *operation: operations.append(operation) or 1.0)  # type: ignore[func-returns-value]
    slot.write(0, bytes(PAGES * PAGE))
    operations.clear()
    writer, left = SlotWriter(slot), data
    for piece in pieces:
        writer.write(left[: len(piece)])
        left = left[len(piece) :]
    writer.finish()
    assert writer.written == len(data)
    assert slot.read(0, len(data)) == data
    # Only pages that the data reach are erased.
    erased = [operation for operation in operations if operation[0] == "erase"]
    assert len(erased) == -(-len(data) // PAGE)


def test_a_page_is_erased_when_its_first_byte_comes(tmp_path: Path) -> None:
    operations: list[str] = []
    slot = NorFlash(tmp_path / "f", PAGES, PAGE, lambda kind, _: operations.append(kind) or 1.0)  # type: ignore[func-returns-value]
    slot.write(0, bytes(PAGES * PAGE))
    operations.clear()
    writer = SlotWriter(slot)
    for _ in range(4):
        writer.write(bytes(PAGE // 2))
    assert operations == ["erase", "write", "write"] * 2


def test_an_upload_is_forgotten_by_a_reset(board: SmallBoard, image: bytes) -> None:
    sha = hashlib.sha256(image).digest()
    assert board.ask(1, 1, {"off": 0, "len": len(image), "sha": sha, "data": image[:200]}) == {"off": 200}
    board.start()
    refused = {"err": {"group": 1, "rc": IMG_MGMT_ERR.INVALID_OFFSET}}
    assert board.ask(1, 1, {"off": 200, "data": image[200:300]}) == refused
    assert board.upload(image) == {"off": len(image), "match": True}


def test_half_an_upload_does_not_pass_for_the_image_it_overwrites(board: SmallBoard, signer: Signer) -> None:
    one, other = (signer.sign(bytes([number]) * 500, "1.0.0") for number in (1, 2))
    assert board.upload(one)["match"]
    assert board.ask(1, 1, {"off": 0, "len": len(other), "data": other[:200]}) == {"off": 200}
    assert board.slots() == {}
