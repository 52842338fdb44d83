"""The parent's side of a TFLM child process."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import edge_deployer
from edge_deployer.errors import TinyopsError
from edge_deployer.tflm.frames import Header, pack, unpack

_PACKAGE_PARENT = str(Path(edge_deployer.__file__).resolve().parent.parent)


class ChildDied(Exception):
    """The child ended, or was ended for taking too long, before it answered.

    Args:
        how: ``SIGSEGV``, ``exit status 1`` or ``no answer in 60 s``.
    """

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


def require_tflm() -> None:
    """Make sure that models can be run here.

    Raises:
        TinyopsError: TFLM is not installed.
    """
    for package in ("tflite_micro", "tflite"):
        if find_spec(package) is None:
            raise TinyopsError(
                f"running a model needs TensorFlow Lite Micro, but the package {package} is not installed",
                remedy="install 'tinyml-ops[sim]' (its TFLM wheel is for x86-64 Linux only)",
            )


def _environment() -> dict[str, str]:
    """The parent's environment, with the package importable however the parent came by it."""
    inherited = os.environ.get("PYTHONPATH")
    path = _PACKAGE_PARENT if not inherited else os.pathsep.join([_PACKAGE_PARENT, inherited])
    return {**os.environ, "PYTHONPATH": path}


class TflmChild:
    """A process that answers TFLM requests, one at a time. Everything it writes to fd 2 is kept in a file.

    Raises:
        TinyopsError: TFLM is not installed.
    """

    def __init__(self) -> None:
        require_tflm()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        # The child writes at the end, wherever that is, so that emptying the file in `ask` also rewinds the child.
        fcntl.fcntl(self._stderr, fcntl.F_SETFL, os.O_APPEND)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge_deployer.tflm.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
            env=_environment(),
        )

    def ask(self, request: Header, payload: bytes = b"", *, deadline_s: float) -> tuple[Header, bytes]:
        """Send one request and wait for its reply.

        Args:
            request: the command and its arguments.
            payload: raw bytes that go with it.
            deadline_s: seconds after which the child is killed.

        Raises:
            ChildDied: no reply came.
        """
        self._stderr.truncate(0)
        until = time.monotonic() + deadline_s
        try:
            self._send(pack(request, payload))
            return unpack(lambda count: self._read(count, until))
        except TimeoutError as error:
            self._process.kill()
            raise ChildDied(f"no answer in {deadline_s:.0f} s") from error
        except (EOFError, BrokenPipeError) as error:
            raise ChildDied(self._how_it_died()) from error

    def written_to_stderr(self) -> str:
        """What TFLM printed during the last request."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    def close(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._stderr.close()

    def _send(self, message: bytes) -> None:
        assert self._process.stdin
        view = memoryview(message)
        while view:
            view = view[self._process.stdin.write(view) :]

    def _read(self, count: int, until: float) -> bytes:
        assert self._process.stdout
        data = bytearray()
        while len(data) < count:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            chunk = self._process.stdout.read(count - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _how_it_died(self) -> str:
        status = self._process.wait()
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"
