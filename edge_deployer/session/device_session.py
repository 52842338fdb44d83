"""A conversation with one board."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from types import TracebackType

from smp.image_management import ImageState
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite
from smpclient.requests.os_management import EchoWrite, ResetWrite
from typing_extensions import Self

from edge_deployer.session.errors import BoardGone, BoardRefused, LineError, SessionError
from edge_deployer.session.facts import ServerParameters, SlotState
from edge_deployer.session.line import SmpLine
from edge_deployer.session.model_runner import ModelRunner
from edge_deployer.session.replies import NoReply
from edge_deployer.session.upload import Progress, upload
from edge_deployer.transport.board_transport import BoardTransport
from edge_deployer.wire.inference import Capability
from edge_deployer.wire.mcuboot import ImageFormatError, parse_image

_SPARE_SLOT = 1
_RESET_DEADLINE_S = 30.0
# Firmware acknowledges first and resets a moment later, 250 ms in Zephyr (CONFIG_MCUMGR_GRP_OS_RESET_MS); what it is
# asked in between may be lost.
_RESET_DELAY_S = 2.0
_RESET_POLL_S = 0.02
_FIRST_PATIENCE_S = 0.05


class DeviceSession(ModelRunner):
    """Holds a board's port for itself while the context lasts. Cancelling any call leaves a usable session.

    Every call may raise a `SessionError`: `BoardGone` where nothing answers, `LineError` where bytes arrive damaged,
    `BoardRefused` where the board says no, `ProtocolError` where its answer makes no sense, `Fenced` where a newer
    holder has claimed the board.

    Args:
        transport: the way to the board, see `edge_deployer.transport.open_transport`.
        epoch: claim the board for an epoch once the port is open, and again before each step that changes it; None
            leaves it unclaimed.
        epoch_is_new: whether nobody has claimed the board for this epoch yet: one that holds it is somebody else's.
        request_timeout_s: how long the board may think about a request; it is repeated a few times.
    """

    def __init__(
        self,
        transport: BoardTransport,
        *,
        epoch: int | None = None,
        epoch_is_new: bool = False,
        request_timeout_s: float = 2.0,
    ) -> None:
        super().__init__(SmpLine(transport, request_timeout_s=request_timeout_s), epoch, epoch_is_new=epoch_is_new)
        self.url = transport.url

    async def __aenter__(self) -> Self:
        """Open the port and learn the board's buffer size.

        Raises:
            PortInUse: another session holds the port.
            Fenced: a newer holder has claimed the board.
            BoardGone: no such port, or no answer.
            LineError: only damaged answers.
        """
        opened = False
        try:
            await self._line.open()
            await self._claim.open()
            opened = True
        finally:
            if not opened:
                await self._line.close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._line.close()

    async def echo(self, text: str = "tinyops") -> str:
        """What the board makes of a text: the same, if all is well."""
        return (await self._line.ask(EchoWrite(d=text), "echo")).r

    async def parameters(self) -> ServerParameters:
        """The board's SMP buffers."""
        return await self._line.parameters()

    async def images(self) -> list[SlotState]:
        """The images in the board's slots; an empty slot is not listed."""
        answer = await self._line.ask(ImageStatesRead(), "list its images")
        return [_slot_state(state) for state in answer.images]

    async def install(self, image: bytes, on_progress: Progress | None = None) -> None:
        """Bring an image into the spare slot, where it waits for `test`.

        An interrupted upload of the same image goes on where it stopped, also after a reset where the board tells what
        its flash holds; an image that is on the board already is not sent again.

        Args:
            image: an MCUboot image file.
            on_progress: called with the bytes that have arrived and the total.

        Raises:
            ImageTooBig: the image does not fit the slot.
            SessionError: `image` is not an MCUboot image, or was revoked; or see the class.
        """
        try:
            parsed = parse_image(image)
            expected, counter = parsed.hash, parsed.security_counter
        except ImageFormatError as error:
            remedy = "give the file that imgtool signed"
            raise SessionError(self.url, f"cannot take the image: {error}", remedy=remedy) from error
        async with self._claim.asking():
            await self._bring(image, expected, counter, on_progress or _ignore_progress)

    async def _bring(self, image: bytes, expected: bytes, counter: int, report: Progress) -> None:
        # The hash of an image stands before its signature. Only pages tell that the spare slot has all of it.
        has_pages = Capability.PAGES in await self._claim.capabilities()
        if any(state.hash == expected and (state.active or not has_pages) for state in await self.images()):
            report(len(image), len(image))
            return
        await self._require_floor(counter)
        await upload(self._line, image, report, self._claim)
        arrived = [state.hash for state in await self.images() if state.slot == _SPARE_SLOT]
        if arrived != [expected]:
            raise LineError(self.url, f"the spare slot does not hold the image {expected.hex()} after the upload")

    async def _require_floor(self, counter: int) -> None:
        """Refuse what the boot logic would refuse, before anything is sent."""
        try:
            floor = (await self.health()).security_floor
        except BoardRefused:
            # Firmware without the inference group says nothing of a floor.
            return
        if counter < floor:
            raise SessionError(
                self.url,
                f"the image's security counter {counter} is below the board's floor {floor}: the release was revoked",
                remedy=f"sign a release with a security counter of {floor} or more",
            )

    async def test(self, image_hash: bytes) -> None:
        """Have an image boot once at the next reset; without `confirm` the one after that reverts it."""
        what = f"test image {image_hash.hex()[:12]}"
        async with self._claim.changing():
            await self._line.ask(ImageStatesWrite(hash=image_hash, confirm=False), what)

    async def confirm(self, image_hash: bytes | None = None) -> None:
        """Keep the running image for good.

        The request names no image: to confirm one by its hash would swap it in for good at the next reset, if the board
        was reset in between and the image is back in the spare slot. Confirming a confirmed image does nothing.

        Args:
            image_hash: the image that must be running; None takes whichever does.

        Raises:
            SessionError: another image runs, or it is not confirmed; or see the class.
        """
        async with self._claim.changing():
            await self._line.ask(ImageStatesWrite(confirm=True), "confirm the running image")
            if image_hash is not None:
                await self._require_kept(image_hash)

    async def _require_kept(self, image_hash: bytes) -> None:
        kept = [state.hash for state in await self.images() if state.active and state.confirmed]
        if kept != [image_hash]:
            raise SessionError(
                self.url,
                f"did not keep image {image_hash.hex()[:8]}: it runs {kept[0].hex()[:8] if kept else 'none'} for good",
                remedy="the board was reset before it could confirm: install the image again",
            )

    async def reset(self) -> None:
        """Reset the board once and wait until it answers again.

        Only the board's uptime tells whether it has reset: an answer that got lost must not bring a second reset, which
        would revert the image that the first one put on trial; a request that got lost is sent again.

        Raises:
            BoardGone: it does not come back within 30 s, or never resets.
        """
        self._forget()
        async with self._claim.changing():
            await self._reset_once()

    async def _reset_once(self) -> None:
        until = time.monotonic() + _RESET_DEADLINE_S
        while time.monotonic() < until:
            sent = time.monotonic()
            with contextlib.suppress(NoReply):
                await self._line.ask_once(ResetWrite(), "reset", self._line.timeout_s)
            if await self._has_reset(sent, until):
                return
        raise BoardGone(self.url, f"did not reset within {_RESET_DEADLINE_S:.0f} s")

    async def power_cycle(self, cycle: Callable[[], Awaitable[None]]) -> bool:
        """Have the board's power taken away and given back, and wait until it answers again.

        Args:
            cycle: does both, and what it raises is passed on.

        Returns:
            Whether the board has started again; False if it answers and had power all the time.

        Raises:
            BoardGone: it does not come back within 30 s.
        """
        self._forget()
        began = time.monotonic()
        await cycle()
        until = time.monotonic() + _RESET_DEADLINE_S
        if await self._has_reset(began, until):
            return True
        if time.monotonic() < until:
            return False
        raise BoardGone(self.url, f"did not come back within {_RESET_DEADLINE_S:.0f} s after a power cycle")

    async def _has_reset(self, sent: float, until: float) -> bool:
        """Wait until the board answers after a reset; False if it has not reset since then, or time is up."""
        patience_s = _FIRST_PATIENCE_S
        while time.monotonic() < until:
            uptime_s = await self._uptime_s(patience_s)
            since_s = time.monotonic() - sent
            if uptime_s is not None and uptime_s < since_s:
                return True
            if uptime_s is not None and since_s > _RESET_DELAY_S:
                return False
            patience_s = min(2 * patience_s, self._line.timeout_s)
            await asyncio.sleep(_RESET_POLL_S)
        return False

    async def claim(self, epoch: int) -> None:
        """Take the board for an epoch; the session holds it for that one from now on.

        Raises:
            Fenced: a newer holder has claimed it.
            BoardRefused: it cannot be claimed.
        """
        await self._claim.take(epoch)

    async def held_epoch(self) -> int | None:
        """The newest epoch that claimed the board, 0 if none did; None where the board cannot tell."""
        return await self._claim.held_epoch()


def _ignore_progress(_done: int, _total: int) -> None:
    """Nobody wants to know."""


def _slot_state(state: ImageState) -> SlotState:
    return SlotState(
        slot=state.slot,
        hash=bytes(state.hash or b""),
        version=state.version,
        active=bool(state.active),
        confirmed=bool(state.confirmed),
        pending=bool(state.pending),
    )
