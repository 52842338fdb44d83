"""Uploads end with the very image in the slot, and after a reset only what the flash lacks is sent."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_deployer.public_key import read_public_keys
from edge_deployer.session import BoardGone, ImageTooBig
from edge_deployer.session.claim import Claim
from edge_deployer.session.line import SmpLine
from edge_deployer.session.upload import Progress, upload
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, PowerCutAt, Reset
from edge_deployer.virtual_board.partitions import Slot
from edge_deployer.virtual_board.spare_slot import SpareSlot
from edge_deployer.wire.inference import GROUP, Codec, Command, crc32
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer import tiny_models
from tests.edge_deployer.session.small_line import WRITE, Exchanged, SmallLine
from tests.edge_deployer.sessions import session_with
from tests.edge_deployer.transport.memory_transport import MemoryTransport
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board
from tests.edge_deployer.virtual_board.small_board import PAGE_BYTES, SmallBoard

IMAGE_GROUP, UPLOAD = 1, 1
PAGE = 4096
_NUMBERS = itertools.count()


@pytest.fixture
def board(tmp_path: Path, signer: Signer) -> SmallBoard:
    board = SmallBoard(tmp_path / "board", read_public_keys(signer.public_key))
    board.start()
    return board


@pytest.fixture
def board_on_a_line(unused_boards: Iterator[RunningBoard]) -> RunningBoard:
    return next(unused_boards)


@pytest.fixture(scope="module")
def image(signer: Signer) -> bytes:
    """More than two thousand bytes, half of which compression makes shorter."""
    return signer.sign(random.Random(1).randbytes(1000) + bytes(1000))


def chunks(line: SmallLine) -> list[Exchanged]:
    """The requests of uploads, of both groups."""
    kinds = {(WRITE, IMAGE_GROUP, UPLOAD), (WRITE, GROUP, int(Command.UPLOAD))}
    return [asked for asked in line.log if (asked.header.op, asked.header.group, asked.header.command) in kinds]


def sent_bytes(line: SmallLine) -> int:
    return sum(len(chunk.fields["data"]) for chunk in chunks(line))


async def upload_to(line: SmallLine, image: bytes, on_progress: Progress = lambda *_: None) -> None:
    smp = SmpLine(MemoryTransport(line), request_timeout_s=0.1)
    await smp.open()
    try:
        await upload(smp, image, on_progress, Claim(smp, None))
    finally:
        await smp.close()


def slot(board: SmallBoard, image: bytes) -> bytes:
    return board.flash.image(Slot.SECONDARY)[: len(image)]


@pytest.mark.parametrize("revision", [0, 1, 2])
async def test_each_revision_of_the_group_gets_what_it_knows(board: SmallBoard, image: bytes, revision: int) -> None:
    line = SmallLine(board, revision=revision)
    async with line.session() as session:
        await session.install(image)
    assert slot(board, image) == image
    assert {chunk.header.group for chunk in chunks(line)} == ({IMAGE_GROUP} if revision == 0 else {GROUP})
    assert all(chunk.answer and "off" in chunk.answer for chunk in chunks(line))


@pytest.mark.parametrize("revision", [0, 1, 2])
async def test_an_image_too_big_is_refused_with_the_first_packet(
    board: SmallBoard, signer: Signer, revision: int
) -> None:
    line = SmallLine(board, revision=revision)
    async with line.session() as session:
        with pytest.raises(ImageTooBig, match=r"the image of 9,\d+ bytes is too large for its slot"):
            await session.install(signer.sign(random.Random(2).randbytes(9000)))
    assert len(chunks(line)) == 1


async def test_flash_that_holds_all_of_the_image_gets_nothing(board: SmallBoard, image: bytes) -> None:
    board.upload(image)
    line, progress = SmallLine(board), list[tuple[int, int]]()
    await upload_to(line, image, lambda *done: progress.append(done))
    assert chunks(line) == []
    assert progress == [(len(image), len(image))]


async def test_an_image_that_lacks_the_end_of_its_signature_is_completed(board: SmallBoard, image: bytes) -> None:
    board.ask(IMAGE_GROUP, UPLOAD, {"off": 0, "len": len(image), "data": image[:-36]})
    board.start()
    assert board.slots()[1]["hash"] == parse_image(image).hash
    line = SmallLine(board)
    async with line.session() as session:
        await session.install(image)
    assert slot(board, image) == image
    assert sent_bytes(line) <= PAGE_BYTES


async def test_what_only_the_whole_hash_shows_to_be_damaged_is_sent_again(
    board: SmallBoard, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.upload(image[:PAGE_BYTES] + bytes(len(image) - PAGE_BYTES))
    # Checksums that agree by chance.
    expected = [crc32(image[start : start + PAGE_BYTES]) for start in range(0, 1024, PAGE_BYTES)]
    monkeypatch.setattr(
        SpareSlot, "page_checksums", lambda _slot, offset, most: expected[offset // PAGE_BYTES :][:most]
    )
    line = SmallLine(board)
    await upload_to(line, image)
    assert slot(board, image) == image
    assert [chunk.fields.get("at", 0) for chunk in chunks(line) if chunk.fields["off"] == 0] == [1024, 0]


@given(
    cuts=st.lists(st.tuples(st.integers(0, 25), st.sampled_from([0.0, 0.1, 0.5, 0.999])), max_size=8),
    noise=st.integers(0, 2000),
    other=st.binary(max_size=40),
)
@settings(max_examples=60)
def test_power_cuts_anywhere_end_in_the_very_image(
    tmp_path_factory: pytest.TempPathFactory,
    signer: Signer,
    cuts: list[tuple[int, float]],
    noise: int,
    other: bytes,
) -> None:
    image = signer.sign(random.Random(noise).randbytes(noise) + bytes(2000 - noise))
    board = SmallBoard(tmp_path_factory.getbasetemp() / f"cut{next(_NUMBERS)}", read_public_keys(signer.public_key))
    board.start()
    board.upload(signer.sign(other * 50, "0.9.0"))
    line = SmallLine(board, cuts=cuts)

    async def install() -> None:
        async with line.session() as session:
            await session.install(image)

    asyncio.run(install())
    assert slot(board, image) == image
    assert [state["hash"] for state in board.slots().values()] == [parse_image(image).hash]


@pytest.mark.parametrize("compresses", [True, False])
async def test_after_a_reset_only_the_rest_is_sent(board: SmallBoard, signer: Signer, compresses: bool) -> None:
    data = random.Random(4).randbytes(2600)
    image = signer.sign(bytes(byte & 31 for byte in data) if compresses else data)
    whole = SmallLine(board)
    await upload_to(whole, image)
    board.ask(1, 5, {})
    last = whole.log.index(chunks(whole)[-1])

    def reset(number: int) -> None:
        if number == last:
            board.start()

    line = SmallLine(board, before=reset)
    await upload_to(line, image)
    assert slot(board, image) == image
    starts = [chunk.fields for chunk in chunks(line) if chunk.fields["off"] == 0]
    assert [start.get("codec", Codec.LZMA1) for start in starts] == [Codec.LZMA1 if compresses else Codec.STORED] * 2
    assert starts[1]["at"] > len(image) / 2
    # The chunk that the reset took, at most two behind it, and what there was of the page.
    assert sent_bytes(line) - sent_bytes(whole) < 3 * 512 + PAGE_BYTES


async def test_a_board_that_forgets_again_and_again_is_given_up(board: SmallBoard, image: bytes) -> None:
    line = SmallLine(board, before=lambda _: board.ask(1, 5, {}) and None)
    with pytest.raises(BoardGone, match="forgets the upload again and again, and gets no further than byte 0"):
        await upload_to(line, image)


@pytest.mark.parametrize("revision", [0, 1])
async def test_earlier_firmware_gets_the_image_from_the_start_after_a_reset(
    board: SmallBoard, image: bytes, revision: int
) -> None:
    def reset(number: int) -> None:
        if number == 5:
            board.start()

    line = SmallLine(board, revision=revision, before=reset)
    await upload_to(line, image)
    assert slot(board, image) == image
    assert len([chunk for chunk in chunks(line) if chunk.fields["off"] == 0]) == 2


def long_image(signer: Signer, version: str = "1.0.0") -> bytes:
    """A working model and 60 kB that do not compress."""
    return signer.sign(tiny_models.rotating_classifier() + random.Random(version).randbytes(60_000), version)


@pytest.mark.parametrize("profile", ["cortex-m4", "cortex-m0plus"])
async def test_an_install_goes_on_by_itself_after_a_reset(tmp_path: Path, signer: Signer, profile: str) -> None:
    image = long_image(signer)
    with (
        running_board(tmp_path / "board", signer.public_key, profile=profile) as board,
        BoardControl(board.directory) as control,
    ):
        # The fiftieth request is well in the middle of some seventy.
        control.set_faults(FaultPlan(reset=Reset(request=50, when="after")))
        async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
            await session.install(image)
            assert control.counters()["resets"] == 1
            assert [state.hash for state in await session.images()] == [parse_image(image).hash]
        # Framing adds a third and more, a busy machine some repetitions; an upload from the start again makes it 2.2.
        assert control.counters()["bytes_to_board"] < 1.8 * len(image)


async def test_a_new_session_goes_on_after_a_power_cut(board_on_a_line: RunningBoard, signer: Signer) -> None:
    image, half = long_image(signer), asyncio.Event()
    with BoardControl(board_on_a_line.directory) as control:
        async with session_with(board_on_a_line.url, line_rate=0) as session:
            reached = lambda done, total: half.set() if done > total / 2 else None  # noqa: E731
            task = asyncio.create_task(session.install(image, reached))
            await half.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(control.power, "cycle")
        before, progress = control.counters()["bytes_to_board"], list[int]()
        async with session_with(board_on_a_line.url, line_rate=0) as session:
            await session.install(image, lambda done, _: progress.append(done))
            assert [state.hash for state in await session.images()] == [parse_image(image).hash]
        assert progress[0] > len(image) / 2 - PAGE
        assert control.counters()["bytes_to_board"] - before < 1.45 * (len(image) / 2 + PAGE)


@pytest.mark.parametrize("seed", range(6))
async def test_a_power_cut_anywhere_ends_in_the_very_image(
    board_on_a_line: RunningBoard, signer: Signer, seed: int
) -> None:
    chance, image = random.Random(seed), long_image(signer)
    cut = PowerCutAt(operation=chance.randrange(1, 90), share=chance.random())
    with BoardControl(board_on_a_line.directory) as control:
        control.set_faults(FaultPlan(power_cut=cut))
        async with session_with(board_on_a_line.url, line_rate=0, request_timeout_s=0.3) as session:
            await session.install(image)
            assert [state.hash for state in await session.images()] == [parse_image(image).hash]
            assert control.counters()["faults"]
            assert control.counters()["bytes_to_board"] < 1.45 * (len(image) + 2 * PAGE)
