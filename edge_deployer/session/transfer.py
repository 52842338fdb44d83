"""Bringing a long byte string to a board in chunks, several in flight, at the length that the line bears."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from smp.message import WriteResponse
from smpclient.generics import SMPRequest

from edge_deployer.session.errors import BoardGone, BoardRefused, LineError, ProtocolError
from edge_deployer.session.exchange import Pending
from edge_deployer.session.line import SmpLine
from edge_deployer.session.replies import NoReply, decode_reply
from edge_deployer.transport.board_transport import GarbledReply, PortClosed

_SHORT_REPLY = 64
"""Bytes of the answer to a chunk."""

_STALL_DEADLINE_S = 30.0
"""A line that carries something, but not a chunk in all this time, is too bad."""

_MOST_RESTARTS = 3
_CBOR_LENGTH_BYTES = 2

_Answer = TypeVar("_Answer", bound=WriteResponse)


class Forgotten(Exception):
    """The board knows nothing of the transfer any more: it was reset, or somebody else began one.

    Attributes:
        refusal: how it refused a chunk, if it did.
    """

    def __init__(self, refusal: BoardRefused | None = None) -> None:
        super().__init__("the board has forgotten the transfer")
        self.refusal = refusal


@dataclass(frozen=True)
class Payload(Generic[_Answer]):
    """What is to be brought to a board."""

    data: bytes
    chunk: Callable[[int, bytes], SMPRequest[_Answer, Any, Any]]  # The request for a chunk at an offset.
    what: str  # What the board is asked to do, for error messages.
    unit: str  # What `data` is, for error messages.
    first_patience_s: float = 0.0  # How long the board may take over the first chunk.
    last_wait_s: float = 0.0  # How long to wait for the answer to the last chunk before it is sent again.
    last_patience_s: float = 0.0  # How long the board may take over the last chunk in all.
    last_reply_bytes: int = _SHORT_REPLY  # How long the answer to the last chunk may be.
    may_be_there: bool = False  # The first chunk is sent empty: a board that has it all from before goes by that.


@dataclass(frozen=True)
class _Sent(Generic[_Answer]):
    """A chunk on its way."""

    request: SMPRequest[_Answer, Any, Any]
    pending: Pending
    end: int  # Offset after the chunk.
    generation: int  # How often sending had gone back when it was sent.
    sent_at: float  # When it was handed over for sending.
    expected_s: float  # Time its bytes, those before it and its answer take on the line.
    due: float  # When its answer is overdue.


class Transfer(Generic[_Answer]):
    """One byte string on its way to the board: go-back-n, driven by the offset that each answer tells.

    A board takes only the chunk that starts where it stands, and answers in order; any other it drops, and tells the
    offset that it waits for (Zephyr's `img_mgmt_upload_inspect`; group 65 does the same). So an answer that tells less
    than the end of its chunk means that a chunk before it was lost, and that all behind that one was sent in vain:
    sending goes back to where the board stands.

    `on_progress` is called with the bytes that have arrived, `on_silence`, which may raise, when an answer is overdue.
    A board that forgets the transfer gets it from the start; where it may hold part of it all the same, as an upload to
    flash, `starts_over` is False.
    """

    def __init__(
        self,
        line: SmpLine,
        payload: Payload[_Answer],
        *,
        on_progress: Callable[[int], None] | None = None,
        on_silence: Callable[[], Awaitable[None]] | None = None,
        starts_over: bool = True,
    ) -> None:
        self._line, self._payload, self._starts_over = line, payload, starts_over
        self._on_progress, self._on_silence = on_progress, on_silence
        self._flight: deque[_Sent[_Answer]] = deque()
        self._arrived = self._next = self._generation = self._restarts = 0
        self._answer: _Answer | None = None
        self._backoff = 1
        self._furthest = -1
        self._line_s = 0.0
        self._heard_at = self._moved_at = time.monotonic()

    async def run(self) -> _Answer:
        """Bring all of it; the answer to the last chunk.

        Raises:
            BoardRefused: the board refuses a chunk.
            Forgotten: it knows nothing of the transfer any more, and it is not to start over.
            BoardGone: it falls silent.
            LineError: too little gets through.
            ProtocolError: it tells an offset that cannot be.
        """
        try:
            while self._answer is None or self._arrived < len(self._payload.data):
                self._fill()
                await self._hear()
        finally:
            self._drop_all()
        return self._answer

    def _fill(self) -> None:
        """Send as many chunks as may be in flight; the first one alone, as its answer tells where to go on."""
        most = self._line.most_in_flight if self._answer else 1
        while len(self._flight) < most and self._next < len(self._payload.data):
            self._send(self._next)

    def _send(self, start: int) -> None:
        payload, line = self._payload, self._line
        room = line.best_message - len(payload.chunk(start, b"").BYTES) - _CBOR_LENGTH_BYTES
        data = b"" if self._asks else payload.data[start : start + max(1, room)]
        request = payload.chunk(start, data)
        end, now = start + len(data), time.monotonic()
        reply = payload.last_reply_bytes if self._may_be_the_last(end) else _SHORT_REPLY
        # What is handed over goes out after what is on its way: its time on the line is no slowness of the board.
        waiting = sum(line.line_bytes(len(sent.request.BYTES)) for sent in self._flight)
        expected_s = line.line_seconds(waiting + line.line_bytes(len(request.BYTES)) + line.line_bytes(reply))
        wait_s = max(line.reply_timeout_s, payload.last_wait_s if self._may_be_the_last(end) else 0.0)
        patience_s = min(max(line.timeout_s, self._patience_s(end)), wait_s * self._backoff)
        self._flight.append(
            _Sent(request, line.post(request), end, self._generation, now, expected_s, now + expected_s + patience_s)
        )
        self._next = end
        self._line_s = max(self._line_s, expected_s)

    async def _hear(self) -> None:
        """Wait for an answer to any chunk in flight, or until the oldest is overdue."""
        timeout = max(0.0, self._flight[0].due - time.monotonic())
        await asyncio.wait(
            [sent.pending.reply for sent in self._flight], timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        answered = [sent for sent in self._flight if sent.pending.reply.done()]
        if not answered:
            await self._overdue()
        for sent in answered:
            await self._take(sent)

    async def _overdue(self) -> None:
        """Send again from where the board stood, and wait twice as long (RFC 6298, (5.5)): it may only be slow."""
        self._line.sizes.note(self._line.line_bytes(len(self._flight[0].request.BYTES)), arrived=False)
        self._drop_all()
        self._check_deadlines()
        self._go_back()
        self._backoff *= 2
        if self._on_silence is not None:
            await self._on_silence()

    async def _take(self, sent: _Sent[_Answer]) -> None:
        if sent not in self._flight:
            return
        self._drop_older_than(sent)
        self._flight.remove(sent)
        try:
            answer = decode_reply(self._line.url, sent.request, sent.pending.reply.result(), self._payload.what)
        except (GarbledReply, NoReply):
            self._miss_answer()
        except PortClosed as closed:
            await self._reopen(closed)
        except BoardRefused as refusal:
            # After chunks that it took, a board refuses one if it was reset and knows of no transfer.
            if self._arrived == 0 or self._restarts == _MOST_RESTARTS:
                raise
            self._drop_all()
            self._start_over(refusal)
            self._go_back()
        else:
            self._heard_at, self._backoff = time.monotonic(), 1
            self._line.reply_time.note(self._heard_at - sent.sent_at - sent.expected_s)
            self._follow(sent, answer)

    def _miss_answer(self) -> None:
        """The board is there, and the chunk may have arrived: the answer to a later one will tell, if there is one."""
        self._heard_at = time.monotonic()
        if not self._flight:
            self._go_back()
        self._check_deadlines()

    async def _reopen(self, closed: PortClosed) -> None:
        self._drop_all()
        await self._line.reopen(closed)
        self._go_back()
        self._heard_at = self._moved_at = time.monotonic()

    def _follow(self, sent: _Sent[_Answer], answer: _Answer) -> None:
        """Go on where the board stands."""
        told = getattr(answer, "off", None)
        stands = sent.end if told is None else int(told)
        if not 0 <= stands <= len(self._payload.data):
            total = f"{len(self._payload.data)} bytes of {self._payload.unit}"
            raise ProtocolError(self._line.url, f"has {stands} bytes of {total}")
        length = self._line.line_bytes(len(sent.request.BYTES))
        self._line.sizes.note(length, arrived=True)
        if stands < sent.end:
            # All chunks behind a lost one are answered with the same offset; the first of these answers was heeded.
            if sent.generation != self._generation:
                return
            self._line.sizes.note(length, arrived=False)
        # Zephyr answers a chunk that it has no upload for with offset 0.
        if stands == 0 < self._arrived and self._restarts < _MOST_RESTARTS:
            self._start_over()
        self._arrived, self._answer = stands, answer
        if stands < sent.end:
            self._go_back()
        # A board that has part of the image from before is further than what was sent.
        self._next = max(self._next, stands)
        if stands > self._furthest:
            self._furthest, self._moved_at = stands, time.monotonic()
            if self._on_progress is not None:
                self._on_progress(stands)
        self._check_deadlines()

    def _go_back(self) -> None:
        self._next = self._arrived
        self._generation += 1

    def _start_over(self, refusal: BoardRefused | None = None) -> None:
        """The board knows nothing of the transfer any more."""
        if not self._starts_over:
            raise Forgotten(refusal)
        self._restarts += 1
        self._arrived, self._answer = 0, None
        self._furthest, self._moved_at = -1, time.monotonic()

    def _drop_older_than(self, sent: _Sent[_Answer]) -> None:
        """Wait no longer for answers to what came before: they are lost, and this one tells no less than they would."""
        while self._flight[0] is not sent:
            lost = self._flight.popleft()
            self._line.abandon(lost.pending)

    def _drop_all(self) -> None:
        while self._flight:
            self._line.abandon(self._flight.popleft().pending)

    def _check_deadlines(self) -> None:
        # Two ways to fail: the board says nothing, or it answers and still nothing arrives.
        patience_s = self._line_s + max(self._line.deadline_s, self._patience_s(self._next))
        now = time.monotonic()
        if now - self._heard_at > patience_s:
            raise BoardGone(self._line.url, f"asked to {self._payload.what}, but fell silent after {self._where()}")
        if now - self._moved_at > max(patience_s, _STALL_DEADLINE_S):
            raise LineError(self._line.url, f"asked to {self._payload.what}, but nothing gets beyond {self._where()}")

    def _patience_s(self, sent_up_to: int) -> float:
        """How long the board may take where that is more than usual."""
        if self._may_be_the_last(sent_up_to):
            return self._payload.last_patience_s
        return self._payload.first_patience_s if self._answer is None else 0.0

    @property
    def _asks(self) -> bool:
        """Whether the next chunk brings nothing, and asks whether the board has it all."""
        return self._payload.may_be_there and self._answer is None

    def _may_be_the_last(self, end: int) -> bool:
        """Whether the board may have it all once it has what was sent up to here."""
        return self._asks or end == len(self._payload.data)

    def _where(self) -> str:
        return f"byte {self._arrived} of {len(self._payload.data)}"
