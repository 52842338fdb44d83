"""The line to a board in this process: sessions with it are quick, and a test can come between any two messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import cbor2

from edge_deployer.session import DeviceSession
from edge_deployer.transport.board_transport import GarbledReply
from edge_deployer.virtual_board.flash import PowerCut
from edge_deployer.wire.inference import GROUP, Command
from edge_deployer.wire.smp import HEADER_BYTES, Header
from tests.edge_deployer.transport.memory_transport import MemoryTransport
from tests.edge_deployer.virtual_board.small_board import SmallBoard

ENOTSUP, EINVAL = 8, 3
WRITE = 2
_NEW_COMMANDS = {(0, Command.CLAIM), (0, Command.PAGES), (WRITE, Command.PAGES)}
_NEW_FIELDS = {"epoch", "at", "codec", "rev"}


class Exchanged(NamedTuple):
    """A request and the fields of its answer; None where there was none."""

    header: Header
    fields: dict[str, Any]
    answer: dict[str, Any] | None


class SmallLine:
    """For `MemoryTransport`.

    Attributes:
        log: what was asked and answered.

    Args:
        board: a board that was started.
        revision: of group 65; 0 is firmware without it, which answers as strictly as revision 1 does.
        before: called before each request, with its number from 0.
        cuts: where power goes: after so many more flash operations, and which share of the last is still done.
    """

    def __init__(
        self,
        board: SmallBoard,
        *,
        revision: int = 2,
        before: Callable[[int], None] = lambda _: None,
        cuts: Iterable[tuple[int, float]] = (),
    ) -> None:
        self.log: list[Exchanged] = []
        self._board, self._revision, self._before, self._cuts = board, revision, before, iter(cuts)
        self._plan_next_cut()

    def session(self, epoch: int | None = None) -> DeviceSession:
        """A session over this line."""
        return DeviceSession(MemoryTransport(self), epoch=epoch, request_timeout_s=0.1)

    def __call__(self, message: bytes) -> Iterator[bytes | GarbledReply]:
        self._before(len(self.log))
        header, fields = Header.of(message), cbor2.loads(message[HEADER_BYTES:])
        assert header is not None
        answer = self._answer(message, header, fields)
        self.log.append(Exchanged(header, fields, None if answer is None else cbor2.loads(answer[HEADER_BYTES:])))
        # A board that loses power breaks off; to wait for silence would take a test its time.
        yield GarbledReply("power went") if answer is None else answer

    def _answer(self, message: bytes, header: Header, fields: dict[str, Any]) -> bytes | None:
        if code := self._refusal(header, fields):
            return header._replace(op=header.op + 1).before(cbor2.dumps({"rc": code}))
        if self._keeps_nothing(header, fields):
            return header._replace(op=header.op + 1).before(cbor2.dumps({"off": 0}))
        try:
            answer = self._board.server.answer(message)
        except PowerCut:
            self._plan_next_cut()
            self._power_on()
            return None
        if self._board.os.reset_requested:
            self._power_on()
        return answer

    def _refusal(self, header: Header, fields: dict[str, Any]) -> int:
        """What firmware of an earlier revision says; 0 where it has nothing against a request."""
        if header.group != GROUP or self._revision == 2:
            return 0
        if self._revision == 0 and header.command != Command.HEALTH:
            return ENOTSUP
        if (header.op, header.command) in _NEW_COMMANDS:
            return ENOTSUP
        new = _NEW_FIELDS - ({"epoch"} if header.command == Command.CLAIM else set())
        return EINVAL if new & set(fields) else 0

    def _keeps_nothing(self, header: Header, fields: dict[str, Any]) -> bool:
        """Whether firmware of an earlier revision begins a batch here, and would not run one again."""
        asks = (header.op, header.group, header.command) == (WRITE, GROUP, Command.RUN) and fields.get("data") == b""
        return self._revision < 2 and asks

    def _power_on(self) -> None:
        while not self._starts():
            self._plan_next_cut()

    def _starts(self) -> bool:
        try:
            self._board.start()
        except PowerCut:
            return False
        return True

    def _plan_next_cut(self) -> None:
        self._board.meter.restore()
        for operations, share in self._cuts:
            self._board.meter.cut_after(operations, share)
            return
