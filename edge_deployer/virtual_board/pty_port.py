"""The client's end of a board's line: a pty under a stable link, as a USB adapter is under /dev/serial/by-id."""

from __future__ import annotations

import contextlib
import os
import pty
import tty
from collections.abc import Callable
from pathlib import Path

from edge_deployer.virtual_board.loop import EventLoop

_CHUNK = 4096
# What waits for a reader that never comes is dropped from here on, as a UART drops everything.
_LONGEST_OUTBOX = 1 << 16
_PAUSE_S = 0.001


class PtyPort:
    """A pty that may go and come back as another one, whose path is `address`, under the same link.

    `take` is given what the client sends, `portion` tells how many bytes the client may get at once; None: all.
    """

    def __init__(
        self, loop: EventLoop, link: Path, take: Callable[[bytes], None], portion: Callable[[], int | None]
    ) -> None:
        self._loop, self._link, self._take, self._portion = loop, link, take, portion
        self._master, self._slave = -1, -1
        self._outbox = bytearray()
        self._reads, self._waits = False, False
        self.appear()

    @property
    def exists(self) -> bool:
        """Whether the adapter is plugged in."""
        return self._master >= 0

    def appear(self) -> None:
        """Open a pty and point the link to it."""
        self._master, self._slave = pty.openpty()
        # The slave stays open here: otherwise the master reports an error whenever a client closes its end.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.address = os.ttyname(self._slave)
        self._waits = False
        self.listen(wanted=True)
        fresh = self._link.with_name(f"{self._link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.address)
        fresh.replace(self._link)

    def vanish(self) -> None:
        """Close the pty, which its client sees, and take the link away. What was on its way is lost."""
        self._loop.forget(self._master)
        self._reads = False
        os.close(self._master)
        os.close(self._slave)
        self._master, self._slave = -1, -1
        self._outbox.clear()
        self._link.unlink(missing_ok=True)

    def listen(self, *, wanted: bool) -> None:
        """Take bytes or leave them: a client that sends faster than the line fills the pty's buffer and has to wait."""
        if self.exists and wanted != self._reads:
            self._reads = wanted
            self._loop.on_readable(self._master, self._read if wanted else None)

    def write(self, data: bytes) -> None:
        """Bytes arrive at the client; lost while there is no pty."""
        if self.exists and len(self._outbox) < _LONGEST_OUTBOX:
            self._outbox += data
            self._flush()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._take(os.read(self._master, _CHUNK))

    def _flush(self) -> None:
        if self._waits or not self._outbox:
            return
        portion = self._portion()
        try:
            del self._outbox[: os.write(self._master, self._outbox[:portion])]
        except BlockingIOError:
            self._wait_for_room()
            return
        if self._outbox:
            if portion is None:
                self._wait_for_room()
            else:
                self._waits = True
                self._loop.call_after(_PAUSE_S, self._go_on)

    def _wait_for_room(self) -> None:
        self._waits = True
        self._loop.on_writable(self._master, self._go_on)

    def _go_on(self) -> None:
        if self.exists:
            self._loop.on_writable(self._master, None)
            self._waits = False
            self._flush()
