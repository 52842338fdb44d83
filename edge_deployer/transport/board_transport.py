"""What a way to a board is, and how one is found by its URL.

A transport is a module of this package: a class with the methods of `BoardTransport`, registered by `reached_by`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from edge_deployer.profile import BoardProfile


class PortUnavailable(Exception):
    """The port cannot be opened."""


class PortBusy(PortUnavailable):
    """Another process, or another session of this one, holds the port."""


class PortClosed(Exception):
    """The port went away while it was in use."""


class GarbledReply(Exception):
    """Something came that was meant as a message, but is damaged."""


class BoardTransport(Protocol):
    """Carries SMP messages to a board and back."""

    url: str
    seconds_per_byte: float  # What a byte takes on the line; 0.0 where the way has no rate.
    bytes_heard: int  # Bytes received since it was made, damaged ones too.

    async def connect(self) -> None:
        """Open the port; after a `disconnect` also again. Whatever ends it, `disconnect` releases what it took.

        Raises:
            PortBusy: somebody holds it.
            PortUnavailable: it cannot be opened for another reason.
        """

    async def disconnect(self) -> None:
        """Release the port and forget what has arrived."""

    async def send(self, message: bytes) -> None:
        """Send one SMP message. Cancelled half way it may leave half a message on the line.

        Raises:
            PortClosed: the port is gone.
        """

    async def receive(self) -> bytes:
        """Wait for the next SMP message.

        Raises:
            GarbledReply: what came is damaged.
            PortClosed: the port is gone.
        """

    def line_bytes(self, message_bytes: int) -> int:
        """Bytes on the line for a message of so many bytes."""

    def longest_message(self, buffer_bytes: int) -> int:
        """Bytes of the longest message to and from a board with such an SMP buffer."""


Make = Callable[[str, BoardProfile], BoardTransport]


@dataclass(frozen=True)
class Scheme:
    """URLs of one kind."""

    make: Make  # Makes the transport of a URL. URLs with the same one, host and port lead to one port.
    form: str  # How they look, for messages.
    default_port: int | None  # Of a URL that names none; None where it must name one.


DEVICE = ""
"""Scheme of what has none: the path of a device on this machine."""

_SCHEMES: dict[str, Scheme] = {}
_Make = TypeVar("_Make", bound=Make)


def reached_by(*names: str, default_port: int | None = None) -> Callable[[_Make], _Make]:
    """Registers a transport for URL schemes; see `Scheme`."""

    def register(make: _Make) -> _Make:
        for name in names:
            form = f"{name}://host:port" if default_port is None else f"{name}://host[:port]"
            _SCHEMES[name] = Scheme(make, form if name else "a device path", default_port)
        return make

    return register


@functools.cache
def schemes() -> Mapping[str, Scheme]:
    """All registered schemes, by name in lower case."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__, f"{__package__}."):
        importlib.import_module(module.name)
    return dict(sorted(_SCHEMES.items()))


def scheme_of(url: str) -> Scheme:
    """The kind of a URL.

    Raises:
        ValueError: no board is reached by such a URL; the message says which ones do.
    """
    name, separator, _ = url.partition("://")
    known = schemes().get(name.lower() if separator else DEVICE)
    if known is None:
        *others, last = (scheme.form for scheme in schemes().values())
        raise ValueError(f"{name}:// leads to no board; {', '.join(others)} or {last} does")
    return known


def host_and_port(url: str) -> tuple[str, int]:
    """Host and port of a URL with a scheme.

    Raises:
        ValueError: one of them is missing, or no board is reached by such a URL.
    """
    scheme, parts = scheme_of(url), urlsplit(url)
    port = scheme.default_port if parts.port is None else parts.port
    if not parts.hostname or not port:
        raise ValueError(f"{scheme.form} is wanted")
    return parts.hostname, port


def open_transport(url: str, profile: BoardProfile) -> BoardTransport:
    """The way to a board at the URL of an inventory; whoever uses it connects it."""
    return scheme_of(url).make(url, profile)
