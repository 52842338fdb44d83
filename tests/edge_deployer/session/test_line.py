"""Requests over a line that a test plays: no port, no process."""

from __future__ import annotations

import pytest

from edge_deployer.session import BoardGone, LineError, PortInUse
from edge_deployer.session.line import SmpLine
from edge_deployer.transport.board_transport import GarbledReply, PortBusy, PortClosed, PortUnavailable
from tests.edge_deployer.session.scripted_board import ScriptedBoard
from tests.edge_deployer.transport.memory_transport import Answers, MemoryTransport


def line_to(transport: MemoryTransport) -> SmpLine:
    return SmpLine(transport, request_timeout_s=0.05)


async def test_a_lost_request_is_asked_again() -> None:
    board, losses = ScriptedBoard(buffer_bytes=300), iter([True, True])
    transport = MemoryTransport(lambda message: () if next(losses, False) else board(message))
    line = line_to(transport)
    assert (await line.open()).buffer_bytes == 300
    assert len(transport.sent) == 3
    assert line.longest_message == 300
    await line.close()


async def test_a_board_that_says_nothing_is_gone() -> None:
    line = line_to(MemoryTransport())
    with pytest.raises(BoardGone, match="no answer to"):
        await line.open()
    await line.close()


async def test_a_board_of_which_only_damage_comes_has_a_bad_line() -> None:
    line = line_to(MemoryTransport(lambda _: [GarbledReply("damaged")]))
    with pytest.raises(LineError, match="only damaged bytes"):
        await line.open()
    await line.close()


@pytest.mark.parametrize(
    ("problem", "error", "words"),
    [
        (PortBusy("taken"), PortInUse, "in use"),
        (PortUnavailable("no such port"), BoardGone, "cannot be opened: no such port"),
    ],
)
async def test_a_port_that_does_not_open_says_why(problem: Exception, error: type[Exception], words: str) -> None:
    class Shut(MemoryTransport):
        async def connect(self) -> None:
            raise problem

    with pytest.raises(error, match=words):
        await line_to(Shut()).open()


async def test_a_port_that_takes_too_long_to_open_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(MemoryTransport):
        async def connect(self) -> None:
            await self.receive()

    monkeypatch.setattr("edge_deployer.session.line._CONNECT_TIMEOUT_S", 0.01)
    with pytest.raises(BoardGone, match=r"cannot be opened: it did not open in 0\.01 s"):
        await line_to(Slow()).open()


async def test_a_port_that_goes_away_is_opened_again_and_asked_again() -> None:
    class Away(MemoryTransport):
        opened = 0

        async def connect(self) -> None:
            self.opened += 1
            if self.opened == 2:
                raise PortUnavailable("still away")

    board, gone = ScriptedBoard(), iter([True])

    def answers(message: bytes) -> Answers:
        return [PortClosed("unplugged")] if next(gone, False) else board(message)

    transport = Away(answers)
    line = line_to(transport)
    await line.open()
    assert (transport.opened, len(transport.sent)) == (3, 2)
    await line.close()
