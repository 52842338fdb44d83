"""Group 65's `upload` and `pages`: streams of whole images and of the rest of one, one upload at a time."""

from __future__ import annotations

import hashlib
import lzma
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.image_upload import ImageUpload
from edge_deployer.virtual_board.partitions import Slot
from edge_deployer.virtual_board.smp_server import SmpServer
from edge_deployer.virtual_board.spare_slot import SpareSlot
from edge_deployer.wire.inference import MAX_PAGES, Codec, ErrorCode
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import PAGE_BYTES, SmallBoard

FILTER = {"id": lzma.FILTER_LZMA1, "dict_size": 4096, "lc": 0, "lp": 0, "pb": 0}
EINVAL, ENOTSUP = {"rc": 3}, {"rc": 8}


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
        if "off" not in answer:
            break
    return answer


def error(code: ErrorCode) -> dict[str, Any]:
    return {"err": {"group": 65, "rc": code}}


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


def pages(board: SmallBoard, off: int = 0, n: int = MAX_PAGES) -> dict[str, Any]:
    return board.ask(65, 5, {"off": off, "n": n}, write=False)


@given(off=st.integers(0, 40).map(lambda page: page * PAGE_BYTES), n=st.integers(1, 200))
def test_checksums_are_those_of_the_flash(board: SmallBoard, image: bytes, off: int, n: int) -> None:
    board.start()
    board.upload(image)
    answer, slot = pages(board, off, n), board.flash.image(Slot.SECONDARY)
    if off > len(slot):
        assert answer == EINVAL
        return
    assert (answer["off"], answer["page"], answer["size"]) == (off, PAGE_BYTES, len(slot))
    assert len(answer["crc"]) == min(n, (len(slot) - off) // PAGE_BYTES)
    assert (
        answer["crc"]
        == [zlib.crc32(slot[start : start + PAGE_BYTES]) for start in range(off, len(slot), PAGE_BYTES)][:n]
    )


@pytest.mark.parametrize("off", [1, PAGE_BYTES - 4, 1 << 40])
def test_checksums_are_of_whole_pages_of_the_slot(board: SmallBoard, off: int) -> None:
    assert pages(board, off) == EINVAL


@pytest.mark.parametrize("buffer_bytes", [256, 512, 1024, 4096])
def test_an_answer_has_as_many_checksums_as_fit_the_buffer(tmp_path: Path, signer: Signer, buffer_bytes: int) -> None:
    large = SmallBoard(tmp_path, read_public_keys(signer.public_key))
    large.start()
    spare = SpareSlot(large.flash)
    # As on a board with a slot of a thousand pages.
    spare.page_checksums = lambda _offset, most: [0xFFFFFFFF] * most  # type: ignore[method-assign]
    large.server = SmpServer({65: ImageUpload(spare, buffer_bytes).handlers}, buffer_bytes)
    assert len(pages(large, 0, 1000)["crc"]) == min(MAX_PAGES, (buffer_bytes - 64) // 5)


@given(page=st.integers(0, 5), stored=st.booleans(), chunk=st.integers(20, 300))
def test_the_rest_of_an_image_completes_it(
    board: SmallBoard, image: bytes, page: int, stored: bool, chunk: int
) -> None:
    board.start()
    board.ask(1, 5, {})
    at = page * PAGE_BYTES
    board.ask(1, 1, {"off": 0, "len": len(image), "data": image[: at + 50]})
    board.start()
    assert board.slots() == {}
    rest = image[at:] if stored else compress(image[at:])
    codec = Codec.STORED if stored else Codec.LZMA1
    assert send(board, rest, image, chunk, at=at, codec=codec) == {"off": len(rest), "match": True}
    assert board.flash.image(Slot.SECONDARY)[: len(image)] == image
    assert board.slots()[1]["version"] == "1.0.0"


def test_a_rest_behind_other_pages_does_not_match(board: SmallBoard, image: bytes, signer: Signer) -> None:
    board.upload(signer.sign(random.Random(1).randbytes(700), "1.0.0"))
    rest = image[PAGE_BYTES:]
    answer = send(board, rest, image, at=PAGE_BYTES, codec=Codec.STORED)
    assert answer == {"off": len(rest), "match": False}
    assert board.slots() == {}


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"at": 1}, EINVAL),
        ({"at": 1280}, EINVAL),
        ({"codec": 2}, ENOTSUP),
        ({"codec": Codec.STORED, "size": 300}, {"err": {"group": 65, "rc": ErrorCode.BAD_STREAM}}),
        ({"codec": Codec.STORED, "size": 100_000}, {"err": {"group": 65, "rc": ErrorCode.IMAGE_TOO_BIG}}),
        ({"at": PAGE_BYTES, "size": 100_000}, {"err": {"group": 65, "rc": ErrorCode.IMAGE_TOO_BIG}}),
    ],
    ids=["within a page", "beyond the image", "unknown codec", "longer than told", "too big", "rest of too big"],
)
def test_a_start_that_cannot_be_is_refused(
    board: SmallBoard, image: bytes, changes: dict[str, Any], answer: dict[str, Any]
) -> None:
    assert send(board, image, image, chunk=400, **changes) == answer


def test_a_stored_image_that_is_none_is_refused(board: SmallBoard) -> None:
    noise = random.Random(1).randbytes(300)
    assert send(board, noise, noise, codec=Codec.STORED) == error(ErrorCode.BAD_STREAM)


def test_another_start_of_the_same_image_is_another_upload(board: SmallBoard, image: bytes) -> None:
    whole = first(image, image, codec=Codec.STORED) | {"data": image[:300]}
    assert board.ask(65, 4, whole) == {"off": 300}
    assert board.ask(65, 4, whole) == {"off": 300}
    rest = image[PAGE_BYTES:]
    assert board.ask(65, 4, first(rest, image, at=PAGE_BYTES, codec=Codec.STORED) | {"data": rest[:10]}) == {"off": 10}


def test_a_board_that_cannot_decompress_takes_an_image_as_it_is(tmp_path: Path, signer: Signer, image: bytes) -> None:
    plain = SmallBoard(tmp_path, read_public_keys(signer.public_key))
    plain.start()
    handlers = ImageUpload(SpareSlot(plain.flash), 512, (Codec.STORED,)).handlers
    plain.server = SmpServer({65: handlers}, 512)
    assert plain.ask(65, 4, {}, write=False) == ENOTSUP
    assert send(plain, compress(image), image) == ENOTSUP
    assert send(plain, image, image, codec=Codec.STORED) == {"off": len(image), "match": True}


def test_an_older_holder_starts_no_upload(board: SmallBoard, image: bytes) -> None:
    board.ask(65, 3, {"epoch": 8})
    before = board.content()
    assert send(board, image, image, codec=Codec.STORED, epoch=7) == error(ErrorCode.STALE_EPOCH)
    assert board.content() == before
    for epoch in (8, 9):
        assert send(board, image, image, codec=Codec.STORED, epoch=epoch)["match"]


@pytest.mark.parametrize("group", [1, 65])
def test_a_newer_claim_ends_the_upload_under_way(board: SmallBoard, image: bytes, group: int) -> None:
    held = board.flash.epoch.value
    head: dict[str, Any] = {"off": 0, "len": len(image), "sha": hashlib.sha256(image).digest(), "data": image[:200]}
    if group == 65:
        head |= {"size": len(image), "codec": Codec.STORED}
    command = {1: 1, 65: 4}[group]
    assert board.ask(group, command, head) == {"off": 200}
    board.ask(65, 3, {"epoch": held})
    assert board.ask(group, command, {"off": 200, "data": image[200:300]}) == {"off": 300}
    board.ask(65, 3, {"epoch": held + 1})
    before = board.content()
    over = {1: {"err": {"group": 1, "rc": IMG_MGMT_ERR.INVALID_OFFSET}}, 65: {"off": 0}}
    assert board.ask(group, command, {"off": 300, "data": image[300:400]}) == over[group]
    assert board.content() == before
