"""The line process: the lines, the power and the control sockets of all its boards, in one event loop."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from edge_deployer.files import make_folder, writing
from edge_deployer.virtual_board.control_server import ControlServer
from edge_deployer.virtual_board.loop import EventLoop
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.virtual_board.virtual_board import VirtualBoard

_CHUNK = 4096


class LineProcess:
    """All boards of this process, with power on until SIGTERM or the end of stdin.

    Raises:
        TinyopsError: a board's folder cannot be written.
    """

    def __init__(self, settings: Sequence[BoardSettings]) -> None:
        self._loop = EventLoop()
        self._wake, wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        # Ctrl-C goes to the owner, which may still need the boards to clean up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._loop.on_readable(self._wake, self._loop.stop)
        self._watch_stdin()
        self._controls: list[ControlServer] = []
        self._boards = [self._powered(board) for board in settings]

    def run(self) -> int:
        """Serve; the exit status: 1 if no board boots, or one that failed is left."""
        self._loop.run()
        return int(any(board.failure for board in self._boards))

    def close(self) -> None:
        """Power off."""
        signal.set_wakeup_fd(-1)
        for control in self._controls:
            control.close()
        for board in self._boards:
            board.close()
        self._loop.close()

    def _powered(self, settings: BoardSettings) -> VirtualBoard:
        make_folder(settings.directory)
        with writing(f"board folder {settings.directory}", remedy="make it writable"):
            board = VirtualBoard(settings, self._loop, self._tell)
            self._controls.append(ControlServer(self._loop, board))
        return board

    def _watch_stdin(self) -> None:
        stdin = sys.stdin.fileno()
        try:
            self._loop.on_readable(stdin, self._read_stdin)
        except PermissionError:
            # A file or /dev/null cannot be waited for: it has ended already.
            self._loop.call_after(0.0, self._loop.stop)

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), _CHUNK):
            self._loop.stop()

    def _tell(self, board: VirtualBoard) -> None:
        ready = f"ready {board.address} {board.settings.directory}"
        words = f"failed {board.failure.message}" if board.failure else ready
        # Whoever started the boards may be gone: that shows at stdin.
        with contextlib.suppress(BrokenPipeError):
            os.write(sys.stdout.fileno(), f"{words}\n".encode())
        if all(other.failure for other in self._boards):
            self._loop.stop()
