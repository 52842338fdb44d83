"""A transfer ends with the very bytes at the board, whatever happens to its messages."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpclient.requests.image_management import ImageUploadWrite

from edge_deployer.session import BoardGone
from edge_deployer.session.line import SmpLine
from edge_deployer.session.transfer import Payload, Transfer
from tests.edge_deployer.session.scripted_board import Fate, ScriptedBoard
from tests.edge_deployer.transport.memory_transport import MemoryTransport

DATA = random.Random(3).randbytes(4000)


def chunk(offset: int, data: bytes) -> ImageUploadWrite:
    return ImageUploadWrite(off=offset, data=data)


async def transfer_to(board: ScriptedBoard) -> list[int]:
    """Transfers DATA; the offsets that were reported on the way."""
    line = SmpLine(MemoryTransport(board), request_timeout_s=0.3)
    progress: list[int] = []
    await line.open()
    try:
        payload = Payload(DATA, chunk, "take the data", "data")
        await Transfer(line, payload, on_progress=progress.append).run()
    finally:
        await line.close()
    return progress


SILENT = {Fate.REQUEST_LOST, Fate.ANSWER_LOST, Fate.ANSWER_LATE}


def is_heard_now_and_then(fates: Sequence[Fate]) -> bool:
    """Whether the board is never silent so often in a row that it has to be taken for gone."""
    return all(set(fates[start : start + 3]) - SILENT for start in range(len(fates) - 2))


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([fate for fate in Fate if fate is not Fate.RESET]), max_size=14).filter(
        is_heard_now_and_then
    )
)
def test_the_board_has_the_very_bytes_whatever_happens_to_the_messages(fates: Sequence[Fate]) -> None:
    async def run() -> None:
        board = ScriptedBoard(fates)
        progress = await transfer_to(board)
        assert bytes(board.received) == DATA
        assert progress == sorted(progress)
        assert progress[-1] == len(DATA)

    asyncio.run(run())


async def test_on_a_clean_line_messages_fill_the_boards_buffer() -> None:
    board = ScriptedBoard(buffer_bytes=512)
    await transfer_to(board)
    assert board.longest == 512


async def test_a_board_that_forgets_the_transfer_gets_it_from_the_start() -> None:
    board = ScriptedBoard([Fate.FINE, Fate.FINE, Fate.RESET])
    await transfer_to(board)
    assert bytes(board.received) == DATA


async def test_messages_get_shorter_on_a_lossy_line() -> None:
    fates = [Fate.FINE, *[Fate.REQUEST_LOST, Fate.FINE, Fate.FINE] * 4]
    board = ScriptedBoard(fates, buffer_bytes=4096)
    line = SmpLine(MemoryTransport(board), request_timeout_s=1.0)
    await line.open()
    before = line.best_message
    await Transfer(line, Payload(DATA * 4, chunk, "take the data", "data")).run()
    assert line.best_message < before == 4096
    await line.close()


async def test_a_board_that_falls_silent_is_gone() -> None:
    board = ScriptedBoard([Fate.FINE, *[Fate.REQUEST_LOST] * 1000])
    line = SmpLine(MemoryTransport(board), request_timeout_s=0.1)
    await line.open()
    with pytest.raises(BoardGone, match="fell silent after byte"):
        await Transfer(line, Payload(DATA, chunk, "take the data", "data")).run()
    await line.close()


@pytest.mark.parametrize(
    ("patience_s", "before_the_last", "is_borne"), [(60.0, 1, True), (0.0, 1, False), (60.0, 7, False)]
)
async def test_a_board_may_take_its_time_over_the_last_chunk_and_over_no_other(
    patience_s: float, before_the_last: int, is_borne: bool
) -> None:
    """As over a long inference: it answers when it has been asked again and again."""
    payload = Payload(DATA, chunk, "run", "inputs", last_patience_s=patience_s)
    clean = MemoryTransport(ScriptedBoard())
    line = SmpLine(clean, request_timeout_s=1.0)
    await line.open()
    await Transfer(line, payload).run()
    await line.close()
    chunks = sum(b"data" in message for message in clean.sent)
    board = ScriptedBoard([*[Fate.FINE] * (chunks - before_the_last), *[Fate.REQUEST_LOST] * (8 if is_borne else 1000)])
    line = SmpLine(MemoryTransport(board), request_timeout_s=0.01)
    await line.open()
    with contextlib.nullcontext() if is_borne else pytest.raises(BoardGone):
        await Transfer(line, payload).run()
        assert bytes(board.received) == DATA
    await line.close()


async def test_a_slow_line_is_not_taken_for_a_silent_board() -> None:
    board = ScriptedBoard([Fate.FINE, Fate.REQUEST_LOST])
    line = SmpLine(MemoryTransport(board, seconds_per_byte=10 / 9600), request_timeout_s=0.05)
    await line.open()
    await Transfer(line, Payload(DATA, chunk, "take the data", "data")).run()
    assert bytes(board.received) == DATA
    await line.close()


async def test_a_transfer_that_starts_over_gets_its_time_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_deployer.session.transfer._STALL_DEADLINE_S", 0.6)
    fates = [*[Fate.FINE] * 8, Fate.RESET, *[Fate.FINE, Fate.REQUEST_LOST] * 8]
    board = ScriptedBoard(fates)
    line = SmpLine(MemoryTransport(board), request_timeout_s=0.1)
    await line.open()
    await Transfer(line, Payload(DATA, chunk, "take the data", "data")).run()
    assert bytes(board.received) == DATA
    await line.close()


async def test_a_cancelled_transfer_leaves_a_usable_line() -> None:
    board = ScriptedBoard()
    line = SmpLine(MemoryTransport(board), request_timeout_s=1.0)
    await line.open()
    begun = asyncio.Event()
    payload = Payload(DATA * 50, chunk, "take the data", "data")
    task = asyncio.create_task(Transfer(line, payload, on_progress=lambda _: begun.set()).run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await line.parameters()).buffer_bytes == 512
    await line.close()
