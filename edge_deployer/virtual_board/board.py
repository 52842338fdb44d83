"""The line process: owns the pty, the line rate and power, and starts the firmware after every reset."""

from __future__ import annotations

import contextlib
import logging
import os
import pty
import select
import signal
import socket
import sys
import time
import tty

from edge_deployer.errors import TinyopsError
from edge_deployer.virtual_board.firmware import Exit, Firmware
from edge_deployer.virtual_board.lane import Lane
from edge_deployer.virtual_board.retained import RetainedMemory
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.wire.inference import ResetReason

_log = logging.getLogger(__name__)
_CHUNK = 4096
# What waits for a reader that never comes is dropped from here on, as a UART drops everything.
_LONGEST_OUTBOX = 1 << 16
_Source = int | socket.socket


class Board:
    """A board with power on, until `close`.

    Args:
        settings: the board.
    """

    def __init__(self, settings: BoardSettings) -> None:
        self._settings = settings
        self._master, self._slave = pty.openpty()
        # The slave stays open here: otherwise the master reports an error whenever a client closes its end.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.tty = os.ttyname(self._slave)
        self._to_firmware, self._to_client = Lane(settings.line_rate), Lane(settings.line_rate)
        self._outbox = bytearray()
        self._wake, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        # Ctrl-C goes to the owner, which may still need the board to clean up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        RetainedMemory.lose_power(settings.flash_directory)
        self._uart, self._firmware = self._start_firmware(ResetReason.POWER_ON)
        self._link()

    def run(self) -> None:
        """Pass bytes and restart the firmware until SIGTERM or the end of stdin."""
        stdin = sys.stdin.fileno()
        while True:
            readable, writable = self._wait(stdin)
            now = time.monotonic()
            if self._wake in readable or (stdin in readable and not os.read(stdin, _CHUNK)):
                return
            if self._master in readable:
                self._to_firmware.push(os.read(self._master, _CHUNK), now)
            if self._uart in readable:
                self._from_firmware(now)
            self._deliver(time.monotonic(), client_can_take=self._master in writable)

    def close(self) -> None:
        """Power off."""
        signal.set_wakeup_fd(-1)
        os.kill(self._firmware, signal.SIGKILL)
        os.waitpid(self._firmware, 0)
        self._settings.line.unlink(missing_ok=True)

    def _wait(self, stdin: int) -> tuple[list[_Source], list[_Source]]:
        now = time.monotonic()
        waits = [lane.wait(now) for lane in (self._to_firmware, self._to_client)]
        sources: list[_Source] = [stdin, self._wake, self._uart]
        # A client that sends faster than the line fills the pty's own buffer and then has to wait.
        if len(self._to_firmware) < _CHUNK:
            sources.append(self._master)
        sinks: list[_Source] = [self._master] if self._outbox else []
        timeout = min((wait for wait in waits if wait is not None), default=None)
        readable, writable, _ = select.select(sources, sinks, [], timeout)
        return readable, writable

    def _from_firmware(self, now: float) -> None:
        data = b""
        # The end of the firmware is reported as a reset of the connection where it had not read everything.
        with contextlib.suppress(ConnectionResetError):
            data = self._uart.recv(_CHUNK)
        if data:
            self._to_client.push(data, now)
            return
        _, status = os.waitpid(self._firmware, 0)
        reason = ResetReason.SOFTWARE if os.waitstatus_to_exitcode(status) == Exit.SOFTWARE_RESET else ResetReason.FAULT
        self._uart.close()
        self._uart, self._firmware = self._start_firmware(reason)

    def _deliver(self, now: float, *, client_can_take: bool) -> None:
        arrived = self._to_firmware.take(now)
        if arrived:
            # A full socket is a UART overrun, a closed one a firmware that is just resetting: the bytes are lost.
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                self._uart.send(arrived)
        fresh = self._to_client.take(now)
        if len(self._outbox) < _LONGEST_OUTBOX:
            self._outbox += fresh
        if self._outbox and (client_can_take or fresh):
            with contextlib.suppress(BlockingIOError):
                del self._outbox[: os.write(self._master, self._outbox)]

    def _start_firmware(self, reason: ResetReason) -> tuple[socket.socket, int]:
        """Fork the firmware and wait until it has booted."""
        line_end, firmware_end = socket.socketpair()
        ready, tell_ready = os.pipe()
        child = os.fork()
        if child == 0:
            line_end.close()
            os.close(ready)
            self._be_firmware(firmware_end, tell_ready, reason)
        firmware_end.close()
        os.close(tell_ready)
        booted = os.read(ready, 1)
        os.close(ready)
        line_end.setblocking(False)
        if not booted:
            os.waitpid(child, 0)
            raise TinyopsError(
                f"the firmware of the board in {self._settings.directory} does not boot",
                remedy=f"read the end of {self._settings.log}",
            )
        return line_end, child

    def _be_firmware(self, uart: socket.socket, tell_ready: int, reason: ResetReason) -> None:
        """The forked child's whole life; never returns."""
        status: int = Exit.FAULT
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(self._master)
            os.close(self._slave)
            log = os.open(self._settings.log, os.O_WRONLY | os.O_APPEND)
            nothing = os.open(os.devnull, os.O_RDWR)
            for target, source in ((0, nothing), (1, nothing), (2, log)):
                os.dup2(source, target)
            status = Firmware(self._settings, uart, reason).run(lambda: _tell(tell_ready))
        except ConnectionError:
            status = Exit.POWER_OFF
        finally:
            # The fork must not unwind into the line process's code: whatever happened, it ends here.
            if sys.exc_info()[0] is not None:
                sys.excepthook(*sys.exc_info())
            os._exit(status)

    def _link(self) -> None:
        fresh = self._settings.line.with_name("line.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.tty)
        fresh.replace(self._settings.line)


def _tell(pipe: int) -> None:
    os.write(pipe, b"r")
    os.close(pipe)
