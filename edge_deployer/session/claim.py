"""What a session holds of a board: the epoch that it claims the board for, so that older holders are fenced off."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from edge_deployer.session.errors import BoardGone, BoardRefused, Fenced, InUse, SessionError
from edge_deployer.session.line import SmpLine
from edge_deployer.wire.inference import (
    GROUP,
    Capability,
    ClaimReadRequest,
    ClaimReadResponse,
    ClaimWriteRequest,
    ErrorCode,
)


class Claim:
    """A session's claim of its board.

    SMP does not tell a board who asks, and the requests of its standard groups have no place for an epoch. So a session
    claims the board again right before each step that changes it, and where one fails, asks whether a newer holder is
    the reason. A board without group 65, or one that cannot be claimed, is used unfenced.

    Args:
        line: the way to the board.
        epoch: what it is claimed for; None claims nothing.
        is_new: whether nobody has claimed the board for this epoch yet: one that holds it is somebody else's.
    """

    def __init__(self, line: SmpLine, epoch: int | None, *, is_new: bool = False) -> None:
        self._line, self._epoch, self._is_new = line, epoch, is_new
        self._capabilities: Capability | None = None

    async def open(self) -> None:
        """Claim the board, if there is an epoch to claim it for.

        Raises:
            Fenced: a newer holder has claimed it.
        """
        if self._epoch is None:
            return
        held = await self.held_epoch()
        if held is not None and (held >= self._epoch if self._is_new else held > self._epoch):
            raise Fenced(self._line.url, held=held, own=self._epoch)
        await self.renew()

    async def take(self, epoch: int) -> None:
        """Claim the board for an epoch, from now on.

        Raises:
            Fenced: a newer holder has claimed it.
            BoardRefused: it cannot be claimed.
        """
        try:
            answer = await self._line.ask(ClaimWriteRequest(epoch=epoch), f"be claimed for epoch {epoch}")
        except BoardRefused as refusal:
            if _is_stale(refusal):
                raise Fenced(self._line.url, held=await self.held_epoch(), own=epoch) from refusal
            raise
        if answer.epoch > epoch:
            # The answer to a newer holder's claim, heard through a bridge.
            raise Fenced(self._line.url, held=answer.epoch, own=epoch)
        await self.capabilities()
        self._epoch = epoch

    async def renew(self) -> None:
        """Claim the board again, before it is changed.

        Raises:
            Fenced: a newer holder has claimed it.
        """
        if self._epoch is None:
            return
        try:
            await self.take(self._epoch)
        except BoardRefused as refusal:
            # Plain MCUmgr firmware has no claim.
            if refusal.group is not None:
                raise

    async def held_epoch(self) -> int | None:
        """The newest epoch that claimed the board; None where it cannot tell."""
        answer = await self._read()
        return None if answer is None else answer.epoch

    async def capabilities(self) -> Capability:
        """What the board can do beyond revision 1 of group 65; asked once."""
        if self._capabilities is None:
            await self._read()
        return self._capabilities or Capability(0)

    @property
    def mark(self) -> int | None:
        """The epoch for requests that carry one; None where there is none, or the board heeds none."""
        return self._epoch if Capability.FENCE in (self._capabilities or Capability(0)) else None

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Around a step that changes the board.

        Raises:
            Fenced: a newer holder has claimed the board, before the step or while it failed.
        """
        async with self.asking():
            await self.renew()
            yield

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Around whatever a newer holder may spoil.

        Raises:
            Fenced: it failed, and a newer holder has claimed the board.
        """
        try:
            yield
        except (InUse, BoardGone):
            raise
        except SessionError as error:
            await self._blame_newer_holder(error)
            raise

    async def _blame_newer_holder(self, error: SessionError) -> None:
        if self._epoch is None:
            return
        held = None
        # A board that does not answer this either is no better known than before.
        with contextlib.suppress(SessionError):
            held = await self.held_epoch()
        if _is_stale(error) or (held is not None and held > self._epoch):
            raise Fenced(self._line.url, held=held, own=self._epoch) from error

    async def _read(self) -> ClaimReadResponse | None:
        try:
            answer = await self._line.ask(ClaimReadRequest(), "tell who holds it")
        except BoardRefused as refusal:
            # Plain MCUmgr firmware, or revision 1 of the group.
            if refusal.group is not None:
                raise
            self._capabilities = Capability(0)
            return None
        self._capabilities = Capability(answer.caps)
        return answer


def _is_stale(error: SessionError) -> bool:
    return isinstance(error, BoardRefused) and (error.group, error.code) == (GROUP, ErrorCode.STALE_EPOCH)
