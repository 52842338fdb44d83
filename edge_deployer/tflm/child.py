"""The parent's side of a TFLM child process."""

from __future__ import annotations

import fcntl
import os
import select
import tempfile
import time
from contextlib import ExitStack
from importlib.util import find_spec
from io import FileIO

from edge_deployer.child_process import ended_by
from edge_deployer.errors import TinyopsError
from edge_deployer.tflm.errors import does_not_start
from edge_deployer.tflm.frames import Header, pack, unpack
from edge_deployer.tflm.start import Start

_START_DEADLINE_S = 60.0


class ChildDied(Exception):
    """The child ended before it answered; says how: ``SIGSEGV``, ``exit status 1`` or ``no answer in 60 s``."""


def require_tflm() -> None:
    """Make sure that models can be run here.

    Raises:
        TinyopsError: TFLM is not installed.
    """
    for package in ("tflite_micro", "tflite"):
        if find_spec(package) is None:
            raise TinyopsError(
                f"running a model needs TensorFlow Lite Micro, but the package {package} is not installed",
                remedy="in a checkout of tinyops: pip install '.[sim]' (TFLM's wheel is for x86-64 Linux only)",
            )


class TflmChild:
    """A process that answers TFLM requests, one at a time. Everything it writes to fd 2 is kept in a file.

    Raises:
        TinyopsError: TFLM is not installed, or does not start on this machine.
    """

    def __init__(self, start: Start) -> None:
        require_tflm()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        # The child writes at the end, wherever that is, so that emptying the file in `ask` also rewinds the child.
        fcntl.fcntl(self._stderr, fcntl.F_SETFL, os.O_APPEND)
        stdin, self._requests = _pipe()
        self._replies, stdout = _pipe()
        with stdin, stdout:
            self._process = start(stdin.fileno(), stdout.fileno(), self._stderr.fileno())
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            self._await_start()
            on_failure.pop_all()

    def _await_start(self) -> None:
        try:
            self._receive(_START_DEADLINE_S)
        except ChildDied as death:
            said = self.written_to_stderr().strip().rpartition("\n")[2]
            raise does_not_start(str(death), said) from death

    def ask(self, request: Header, payload: bytes = b"", *, deadline_s: float) -> tuple[Header, bytes]:
        """Send one request and wait for its reply; after the deadline the child is killed.

        Raises:
            ChildDied: no reply came.
        """
        self._stderr.truncate(0)
        try:
            self._send(pack(request, payload))
        except BrokenPipeError as error:
            raise ChildDied(self._how_it_died()) from error
        return self._receive(deadline_s)

    def written_to_stderr(self) -> str:
        """What TFLM printed during the last request."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def send_signal(self, number: int) -> None:
        """Send the process a signal, e.g. to have it crash."""
        self._process.send_signal(number)

    def close(self) -> None:
        """End the process and wait for it."""
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._replies.close()
        self._stderr.close()

    def _send(self, message: bytes) -> None:
        view = memoryview(message)
        while view:
            view = view[self._requests.write(view) :]

    def _receive(self, deadline_s: float) -> tuple[Header, bytes]:
        until = time.monotonic() + deadline_s
        try:
            return unpack(lambda count: self._read(count, until))
        except TimeoutError as error:
            self._process.kill()
            raise ChildDied(f"no answer in {deadline_s:.0f} s") from error
        except EOFError as error:
            raise ChildDied(self._how_it_died()) from error

    def _read(self, count: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            ready, _, _ = select.select([self._replies], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            chunk = self._replies.read(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _how_it_died(self) -> str:
        return ended_by(self._process.wait())


def _pipe() -> tuple[FileIO, FileIO]:
    """The end to read from and the end to write to."""
    read, write = os.pipe()
    return FileIO(read, "rb"), FileIO(write, "wb")
