"""What a board's URL may be, and which URLs are names of one port. No port is opened."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge_deployer.files import resolved
from edge_deployer.transport.board_transport import host_and_port, scheme_of

_LOOPBACK: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
_THIS_MACHINE: Final = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"})


def check_url(url: str) -> str:
    """The URL, if it is one that a board can be reached by.

    Raises:
        ValueError: it is of another kind, or is not complete.
    """
    if not url or not url.isprintable():
        raise ValueError("a device path or URL without line breaks is wanted")
    if "://" in url:
        host_and_port(url)
    return url


def port_identity(url: str) -> str:
    """The port behind a URL that `check_url` lets pass: the same for two names of one port.

    A link counts as what it leads to, and all addresses of this machine's loopback as one. Names of other machines are
    compared as they are written: nobody is asked for their addresses.
    """
    if "://" in url:
        host, port = host_and_port(url)
        return f"{scheme_of(url).make} {_host(host)}:{port}"
    device = resolved(Path(url))
    with suppress(OSError):
        found = device.stat()
        if stat.S_ISCHR(found.st_mode):
            return f"device {os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    return str(device)


def _host(name: str) -> str:
    name = name.rstrip(".")
    with suppress(OSError):
        # Numbers alone, in any spelling.
        name = str(socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST)[0][4][0])
    with suppress(ValueError):
        address = ipaddress.ip_address(name.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        return "localhost" if mapped in _LOOPBACK else str(mapped)
    return "localhost" if name in _THIS_MACHINE or name == socket.gethostname().lower() else name
