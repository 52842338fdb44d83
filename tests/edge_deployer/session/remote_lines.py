"""Lines to a virtual board over TCP: a plain one that damages bytes, and an RFC 2217 server."""

from __future__ import annotations

import os
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import serial
import serial.rfc2217

Damage = Callable[[bytes], bytes]
_CHUNK = 4096


def flip_bits(share: float, seed: int) -> Damage:
    """Flips one bit in that share of the bytes."""
    chance = random.Random(seed)
    return lambda data: bytes(byte ^ (1 << chance.randrange(8)) if chance.random() < share else byte for byte in data)


def unharmed(data: bytes) -> bytes:
    """Leaves bytes alone."""
    return data


@contextmanager
def tcp_line(device: str, damage: Damage = unharmed) -> Iterator[str]:
    """A raw TCP line to a device; yields its ``socket://`` URL."""
    with _serving(lambda client: _pass_bytes(client, device, damage)) as port:
        yield f"socket://127.0.0.1:{port}"


@contextmanager
def bridge(device: str) -> Iterator[str]:
    """A TCP server through which any number of clients speak to a device, and hear all it says; yields its URL."""
    ended, end = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server, ended:
        thread = threading.Thread(target=_pass_all, args=(server, device, ended), daemon=True)
        thread.start()
        try:
            yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        finally:
            end.close()
            thread.join()


@contextmanager
def rfc2217_line(device: str) -> Iterator[str]:
    """An RFC 2217 line to a device; yields its URL. A pty has no modem lines, hence the option."""
    with _serving(lambda client: _serve_rfc2217(client, device)) as port:
        yield f"rfc2217://127.0.0.1:{port}?ign_set_control"


@contextmanager
def _serving(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """One client after the other, as a gateway serves them."""
    ended, end = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as server, ended:

        def accept() -> None:
            while ended not in select.select([server, ended], [], [])[0]:
                with server.accept()[0] as client:
                    serve(client)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            end.close()
            thread.join()


def _pass_bytes(client: socket.socket, device: str, damage: Damage) -> None:
    with serial.Serial(device, exclusive=True) as port:
        while True:
            readable, _, _ = select.select([client, port.fileno()], [], [])
            if client in readable:
                data = client.recv(_CHUNK)
                if not data:
                    return
                port.write(damage(data))
            if port.fileno() in readable:
                client.sendall(damage(os.read(port.fileno(), _CHUNK)))


def _pass_all(server: socket.socket, device: str, ended: socket.socket) -> None:
    with serial.Serial(device, exclusive=True) as port, ExitStack() as open_clients:
        clients: set[socket.socket] = set()
        while True:
            readable, _, _ = select.select([server, ended, port.fileno(), *clients], [], [])
            if ended in readable:
                return
            if server in readable:
                clients.add(open_clients.enter_context(server.accept()[0]))
            if port.fileno() in readable:
                data = os.read(port.fileno(), _CHUNK)
                for client in clients:
                    client.sendall(data)
            for client in clients & set(readable):
                if data := client.recv(_CHUNK):
                    port.write(data)
                else:
                    clients.remove(client)


class _PortWithoutModemLines(serial.Serial):
    """A pty as a port: its modem lines can be neither read nor set, the port manager does both all the same."""

    cts = dsr = ri = cd = dtr = rts = break_condition = False


class _Connection:
    """What pyserial's port manager writes its negotiation to."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        self._client.sendall(data)


def _serve_rfc2217(client: socket.socket, device: str) -> None:
    with _PortWithoutModemLines(device, exclusive=True, timeout=0) as port:
        manager = serial.rfc2217.PortManager(port, _Connection(client))
        while True:
            readable, _, _ = select.select([client, port.fileno()], [], [])
            if client in readable:
                data = client.recv(_CHUNK)
                if not data:
                    return
                port.write(b"".join(manager.filter(data)))
            if port.fileno() in readable:
                client.sendall(b"".join(manager.escape(os.read(port.fileno(), _CHUNK))))
