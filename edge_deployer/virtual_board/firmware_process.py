"""The process that is the firmware: forked from the line process at every reset, at the far end of the UART."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from contextlib import AbstractContextManager
from functools import partial

from edge_deployer.child_process import drop_inheritance, fork
from edge_deployer.errors import TinyopsError
from edge_deployer.files import writing
from edge_deployer.virtual_board.firmware import Exit, Firmware
from edge_deployer.virtual_board.flash import PowerCut
from edge_deployer.virtual_board.ledger import Count, Ledger
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.wire.inference import ResetReason

_CHUNK = 4096
_BOOTED = b"booted"
_LOG_FORMAT = "%(asctime)s.%(msecs)03d %(message)s"
_LOG_TIME = "%H:%M:%S"


def log_to(settings: BoardSettings, logger: logging.Logger) -> None:
    """Have a logger write to a board's log.

    Raises:
        TinyopsError: it cannot be opened.
    """
    with _writing_log(settings):
        handler = logging.FileHandler(settings.log)
    handler.setFormatter(logging.Formatter(_LOG_FORMAT, _LOG_TIME))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


class FirmwareProcess:
    """The firmware from a start to its end. Neither starting it nor asking it anything waits.

    Attributes:
        uart: descriptor of the line's end of the UART; readable when there are bytes or the firmware has ended.
        ready: descriptor that becomes readable when the firmware has booted, or has failed to.
    """

    def __init__(self, settings: BoardSettings, ledger: Ledger, reason: ResetReason) -> None:
        ledger[Count.UART_READ], ledger[Count.OVERRUNS] = 0, 0
        self._ledger, self._sent = ledger, 0
        self._room = settings.profile.smp_buffer_count * settings.framing.encoded_length(
            settings.profile.smp_buffer_bytes - settings.framing.overhead
        )
        self._line_end, firmware_end = socket.socketpair()
        self.ready, tell_ready = os.pipe()
        self._process = fork(partial(_live_as_firmware, settings, ledger, reason, firmware_end, tell_ready))
        firmware_end.close()
        os.close(tell_ready)
        self._line_end.setblocking(False)
        os.set_blocking(self.ready, False)
        self.uart = self._line_end.fileno()

    def send(self, data: bytes) -> None:
        """Bytes arrive at the UART. What the firmware's buffers have no room for is lost: an overrun."""
        room = max(0, self._room - (self._sent - self._ledger[Count.UART_READ]))
        taken = 0
        # A firmware that is just resetting reads nothing: the bytes are lost, too.
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            taken = self._line_end.send(data[:room])
        self._sent += taken
        self._ledger.add(Count.OVERRUNS, len(data) - taken)

    def receive(self) -> bytes | None:
        """What the firmware has sent: b"" if it has ended, None if there is nothing."""
        try:
            return self._line_end.recv(_CHUNK)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            # So the end is told where the firmware had not read everything.
            return b""

    def boot_outcome(self) -> str | None:
        """After `ready`: None if it has booted, else why not."""
        try:
            said = os.read(self.ready, _CHUNK)
        except BlockingIOError:
            said = b""
        return None if said == _BOOTED else said.decode()

    def wait(self) -> int:
        """Wait for the end that was seen, and release everything; the exit status."""
        status = self._process.wait()
        self._line_end.close()
        os.close(self.ready)
        return status

    def kill(self) -> None:
        """End it wherever it is, and release everything."""
        self._process.kill()
        self.wait()


def _live_as_firmware(
    settings: BoardSettings, ledger: Ledger, reason: ResetReason, uart: socket.socket, tell_ready: int
) -> int:
    try:
        # A firmware that held another's UART would hide that one's end.
        drop_inheritance(uart.fileno(), tell_ready)
        _redirect(settings)
        return Firmware(settings, uart, ledger, reason).run(lambda: _tell(tell_ready, _BOOTED))
    except PowerCut:
        return Exit.POWER_CUT
    except ConnectionError:
        return Exit.POWER_OFF
    except TinyopsError as error:
        try:
            _tell(tell_ready, error.message.encode())
        except OSError:
            # It had booted: nobody listens any more.
            logging.getLogger(__name__).info("failed: %s", error.message)
        return Exit.FAULT


def _redirect(settings: BoardSettings) -> None:
    logging.getLogger().handlers.clear()
    log_to(settings, logging.getLogger())
    with _writing_log(settings):
        log = os.open(settings.log, os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDWR)
    for target, source in ((0, nothing), (1, nothing), (2, log)):
        os.dup2(source, target)


def _writing_log(settings: BoardSettings) -> AbstractContextManager[None]:
    return writing(f"log {settings.log}", remedy="make the board's folder writable")


def _tell(pipe: int, text: bytes) -> None:
    os.write(pipe, text)
    os.close(pipe)
