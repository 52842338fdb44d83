"""The line process's end of the control socket, see `edge_deployer.virtual_board.control`."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from edge_deployer.field_errors import describe_validation_error
from edge_deployer.virtual_board.control import COMMANDS, Power, ResetPin, SetFaults, VanishNow, socket_address
from edge_deployer.virtual_board.loop import EventLoop
from edge_deployer.virtual_board.virtual_board import VirtualBoard

_CHUNK = 4096
_LONGEST_LINE = 65536
Answer = Callable[[Mapping[str, Any]], None]


class ControlServer:
    """Listens in a board's directory; for its owner alone."""

    def __init__(self, loop: EventLoop, board: VirtualBoard) -> None:
        directory = board.settings.directory
        self._loop, self._board = loop, board
        self._path = directory / "control"
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        mask = os.umask(0o177)
        try:
            with socket_address(directory) as address:
                self._listener.bind(address)
        finally:
            os.umask(mask)
        self._listener.listen()
        self._connections: set[_Connection] = set()
        loop.on_readable(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Stop listening and remove the socket."""
        for connection in set(self._connections):
            connection.close()
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            peer, _ = self._listener.accept()
            peer.setblocking(False)
            self._connections.add(_Connection(self._loop, peer, self._carry_out, self._connections.discard))

    def _carry_out(self, line: bytes, answer: Answer) -> None:
        try:
            command = COMMANDS.validate_json(line)
        except ValidationError as error:
            answer({"error": describe_validation_error(error, "control command").message})
            return
        if isinstance(command, Power):
            if command.state != "on":
                self._board.power_off()
            if command.state != "off":
                self._board.power_on()
            self._answer_when_booted(answer)
        elif isinstance(command, ResetPin):
            self._board.reset()
            self._answer_when_booted(answer)
        elif isinstance(command, SetFaults):
            self._board.set_faults(command.plan)
            answer({})
        elif isinstance(command, VanishNow):
            self._board.vanish(command.seconds)
            answer({})
        else:
            answer(self._board.counters())

    def _answer_when_booted(self, answer: Answer) -> None:
        def booted() -> None:
            failure = self._board.failure
            answer({} if failure is None else {"error": failure.message})

        self._board.when_booted(booted)


class _Connection:
    """One client; its answers come in the order of its requests as long as it waits for each."""

    def __init__(
        self,
        loop: EventLoop,
        peer: socket.socket,
        carry_out: Callable[[bytes, Answer], None],
        on_close: Callable[[_Connection], None],
    ) -> None:
        self._loop, self._peer, self._carry_out, self._on_close = loop, peer, carry_out, on_close
        self._received = bytearray()
        loop.on_readable(peer.fileno(), self._read)

    def close(self) -> None:
        if self._peer.fileno() < 0:
            return
        self._loop.forget(self._peer.fileno())
        self._peer.close()
        self._on_close(self)

    def _read(self) -> None:
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = self._peer.recv(_CHUNK)
        if not data or len(self._received) > _LONGEST_LINE:
            self.close()
            return
        *lines, rest = (bytes(self._received) + data).split(b"\n")
        self._received = bytearray(rest)
        for line in lines:
            self._carry_out(line, self._answer)

    def _answer(self, content: Mapping[str, Any]) -> None:
        if self._peer.fileno() < 0:
            return
        try:
            # An answer is far shorter than a socket's buffer: it goes at once, or the client does not read at all.
            self._peer.sendall(json.dumps(content).encode() + b"\n")
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            self.close()
