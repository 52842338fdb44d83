"""Uploads into the spare slot: written as they arrive, plain and compressed, one at a time."""

from __future__ import annotations

import hashlib
import itertools
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.flash import NorFlash, Operation
from edge_deployer.virtual_board.partitions import Slot
from edge_deployer.virtual_board.spare_slot import SlotWriter
from edge_deployer.wire.inference import Codec, ErrorCode
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import SmallBoard

PAGE, PAGES = 64, 8
FILTER = {"id": lzma.FILTER_LZMA1, "dict_size": 4096, "lc": 0, "lp": 0, "pb": 0}
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


def compress(image: bytes) -> bytes:
    return lzma.compress(image, format=lzma.FORMAT_RAW, filters=[FILTER])


def first(stream: bytes, image: bytes, **changes: Any) -> dict[str, Any]:
    fields = {"off": 0, "len": len(stream), "size": len(image), "sha": hashlib.sha256(image).digest()}
    return fields | changes


def send(board: SmallBoard, stream: bytes, image: bytes, chunk: int = 100, **changes: Any) -> dict[str, Any]:
    """The answer to the last chunk, or the first error."""
    answer: dict[str, Any] = {}
    for offset in range(0, len(stream), chunk):
        fields = {"off": offset, "data": stream[offset : offset + chunk]}
        answer = board.ask(65, 4, first(stream, image, **changes) | fields if offset == 0 else fields)
        if "err" in answer:
            break
    return answer


def error(code: ErrorCode) -> dict[str, Any]:
    return {"err": {"group": 65, "rc": code}}


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


def test_the_stream_that_the_board_takes_is_told(board: SmallBoard) -> None:
    assert board.ask(65, 4, {}, write=False) == {"codec": Codec.LZMA1, "window": 4096, "lc": 0, "lp": 0, "pb": 0}


@given(chunk=st.integers(1, 300))
def test_a_compressed_image_is_plain_in_the_slot_and_boots(board: SmallBoard, image: bytes, chunk: int) -> None:
    board.start()
    stream = compress(image)
    assert len(stream) < len(image) / 2
    assert send(board, stream, image, chunk) == {"off": len(stream), "match": True}
    assert board.flash.slots[Slot.SECONDARY].read(0, len(image)) == image
    assert board.slots()[1]["version"] == "1.0.0"


def test_a_compressed_image_boots(board: SmallBoard, image: bytes) -> None:
    assert send(board, compress(image), image)["match"]
    board.test(image)
    assert board.start() == "1.0.0"
    stream = compress(image)
    assert send(board, stream, image) == error(ErrorCode.SLOT_BUSY)
    board.start()


def test_repeated_and_early_chunks_are_answered_with_where_the_stream_is(board: SmallBoard, image: bytes) -> None:
    stream = compress(image)
    assert board.ask(65, 4, {"off": 50, "data": stream[50:60]}) == {"off": 0}
    head = first(stream, image) | {"data": stream[:50]}
    assert board.ask(65, 4, head) == {"off": 50}
    for repeated in (head, {"off": 20, "data": stream[20:60]}, {"off": 90, "data": stream[90:]}):
        assert board.ask(65, 4, repeated) == {"off": 50}
    rest = {"off": 50, "data": stream[50:]}
    for _ in range(2):
        assert board.ask(65, 4, rest) == {"off": len(stream), "match": True}
    assert board.ask(65, 4, head) == {"off": len(stream), "match": True}


def test_a_wrong_sha_does_not_match(board: SmallBoard, image: bytes) -> None:
    stream = compress(image)
    assert send(board, stream, image, sha=bytes(32)) == {"off": len(stream), "match": False}
    shorter = {"off": len(stream), "match": False}
    assert send(board, stream, image, size=len(image) + 1) == shorter


@pytest.mark.parametrize(
    ("changes", "damage", "code"),
    [
        ({"size": 100_000}, lambda stream: stream, ErrorCode.IMAGE_TOO_BIG),
        ({"size": 300}, lambda stream: stream, ErrorCode.BAD_STREAM),
        ({}, lambda stream: stream[:-6], ErrorCode.BAD_STREAM),
        ({}, lambda stream: stream + b"more", ErrorCode.BAD_STREAM),
        ({}, lambda stream: b"\xff" * len(stream), ErrorCode.BAD_STREAM),
        ({}, lambda _: compress(b"not an image" * 30), ErrorCode.BAD_STREAM),
        ({"len": 10}, lambda stream: stream, ErrorCode.BAD_STREAM),
    ],
    ids=["too big", "more than told", "cut", "trailing", "noise", "no image", "longer than told"],
)
def test_a_bad_stream_is_refused_and_the_upload_over(
    board: SmallBoard, image: bytes, changes: dict[str, Any], damage: Any, code: ErrorCode
) -> None:
    stream = damage(compress(image))
    assert send(board, stream, image, **changes) == error(code)
    assert board.ask(65, 4, {"off": 100, "data": b"x"}) == {"off": 0}
    good = compress(image)
    assert send(board, good, image) == {"off": len(good), "match": True}


@pytest.mark.parametrize("missing", ["len", "size", "sha"])
def test_a_first_chunk_without_a_field_is_malformed(board: SmallBoard, image: bytes, missing: str) -> None:
    fields = first(compress(image), image) | {"data": b"x"}
    del fields[missing]
    assert board.ask(65, 4, fields) == {"rc": 3}


@given(data=st.data())
def test_a_damaged_stream_never_matches_and_never_breaks_the_board(
    board: SmallBoard, image: bytes, data: st.DataObject
) -> None:
    board.start()
    stream = bytearray(compress(image))
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= data.draw(st.integers(1, 255))
    answer = send(board, bytes(stream), image, chunk=data.draw(st.integers(20, 300)))
    intact = board.flash.image(Slot.SECONDARY)[: len(image)] == image
    assert answer == error(ErrorCode.BAD_STREAM) or answer["match"] is intact


def test_plain_and_compressed_uploads_end_each_other(board: SmallBoard, image: bytes) -> None:
    stream, sha = compress(image), hashlib.sha256(image).digest()
    plain = {"off": 0, "len": len(image), "sha": sha, "data": image[:200]}
    head = first(stream, image) | {"data": stream[:50]}
    assert board.ask(1, 1, plain) == {"off": 200}
    assert board.ask(65, 4, head) == {"off": 50}
    refused = {"err": {"group": 1, "rc": IMG_MGMT_ERR.INVALID_OFFSET}}
    assert board.ask(1, 1, {"off": 200, "data": image[200:]}) == refused
    assert board.ask(1, 1, plain) == {"off": 200}
    assert board.ask(65, 4, {"off": 50, "data": stream[50:]}) == {"off": 0}
    assert board.ask(1, 1, {"off": 200, "data": image[200:]}) == {"off": len(image), "match": True}
