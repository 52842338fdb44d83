"""Serial ports by URL, without blocking the event loop: device paths, ``socket://``, ``rfc2217://``."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import io
import os
import termios
import threading
from collections.abc import Callable
from typing import Protocol

import serial

from edge_deployer.transport.board_transport import PortBusy, PortClosed, PortUnavailable

_CHUNK = 4096
_THREAD_READ_TIMEOUT_S = 0.2
_RATE_FOR_UNLIMITED = 115200

OnBytes = Callable[[bytes], None]
OnClosed = Callable[[str], None]


class Port(Protocol):
    """An open port."""

    async def write(self, data: bytes) -> None:
        """Write all of `data`, waiting while the line is full.

        Raises:
            PortClosed: the port is gone.
        """

    async def close(self) -> None:
        """Stop reading and release the port."""


async def open_port(url: str, line_rate: int, on_bytes: OnBytes, on_closed: OnClosed) -> Port:
    """Open a port for this process alone.

    A device is locked with ``flock``, which keeps out whoever asks for the lock, and with TIOCEXCL, which keeps out
    everybody but root. Both are cooperative: what keeps a stale client from a board for certain is the board's `claim`.

    Args:
        url: device path or pyserial URL.
        line_rate: bits per second, 8N1; ignored by ``socket://``. 0 leaves it to the device.
        on_bytes: called in the event loop with whatever arrives.
        on_closed: called in the event loop with the reason when the port goes away.

    Raises:
        PortBusy: somebody holds it.
        PortUnavailable: it cannot be opened for another reason.
    """
    # Opening a device is instant; a URL may take seconds to connect.
    port = await _open_far(url, line_rate) if "://" in url else _open(url, line_rate)
    try:
        descriptor = port.fileno()
    except io.UnsupportedOperation:
        return _ThreadPort(port, on_bytes, on_closed)
    return _DescriptorPort(port, descriptor, on_bytes, on_closed)


async def _open_far(url: str, line_rate: int) -> serial.Serial:
    opening = asyncio.ensure_future(asyncio.to_thread(_open, url, line_rate))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread goes on: what it opens would stay open, and the port taken.
        opening.add_done_callback(_close_unwanted)
        raise


def _close_unwanted(opening: asyncio.Future[serial.Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _open(url: str, line_rate: int) -> serial.Serial:
    try:
        return serial.serial_for_url(
            url,
            baudrate=line_rate or _RATE_FOR_UNLIMITED,
            timeout=_THREAD_READ_TIMEOUT_S,
            exclusive=True,
        )
    except (serial.SerialException, OSError, ValueError, termios.error) as error:
        if getattr(error, "errno", None) in {errno.EWOULDBLOCK, errno.EBUSY}:
            raise PortBusy(f"{url} is in use") from error
        raise PortUnavailable(str(error)) from error


class _DescriptorPort:
    """A port with a file descriptor, served by the event loop itself."""

    def __init__(self, port: serial.Serial, descriptor: int, on_bytes: OnBytes, on_closed: OnClosed) -> None:
        self._port, self._descriptor = port, descriptor
        self._on_bytes, self._on_closed = on_bytes, on_closed
        self._loop = asyncio.get_running_loop()
        self._ioctl(termios.TIOCEXCL)
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # noqa: PERF203
                await self._until_writable()
            except OSError as error:
                raise PortClosed(str(error)) from error

    async def close(self) -> None:
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        # Somebody else may keep a pty open: it would stay exclusive.
        self._ioctl(termios.TIOCNXCL)
        self._port.close()

    def _ioctl(self, request: int) -> None:
        # A socket is not a terminal, and one that is unplugged no longer is.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._descriptor, request)

    async def _until_writable(self) -> None:
        writable = asyncio.Event()
        self._loop.add_writer(self._descriptor, writable.set)
        try:
            await writable.wait()
        finally:
            self._loop.remove_writer(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))
            return
        if data:
            self._on_bytes(data)
        else:
            self._end("the other end closed the line")

    def _end(self, reason: str) -> None:
        self._loop.remove_reader(self._descriptor)
        self._on_closed(reason)


class _ThreadPort:
    """A port that only offers blocking calls (``rfc2217://``): a thread reads it."""

    def __init__(self, port: serial.Serial, on_bytes: OnBytes, on_closed: OnClosed) -> None:
        self._port, self._on_bytes, self._on_closed = port, on_bytes, on_closed
        self._loop = asyncio.get_running_loop()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read_until_closed, name="serial port reader", daemon=True)
        self._thread.start()

    async def write(self, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._port.write, data)
        except (serial.SerialException, OSError) as error:
            raise PortClosed(str(error)) from error

    async def close(self) -> None:
        self._closing.set()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        """Blocks until the reader has seen it; pyserial itself sleeps when it closes."""
        self._thread.join()
        self._port.close()

    def _read_until_closed(self) -> None:
        while not self._closing.is_set():
            try:
                data = self._port.read(1)
                data += self._port.read(self._port.in_waiting) if data else b""
            except (serial.SerialException, OSError) as error:
                self._in_loop(self._on_closed, str(error))
                return
            if data:
                self._in_loop(self._on_bytes, data)

    def _in_loop(self, callback: Callable[..., None], argument: bytes | str) -> None:
        # The loop may have ended between a read and its report.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, argument)
