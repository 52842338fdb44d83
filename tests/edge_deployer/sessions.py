"""Sessions with boards that are told by URL, line rate and framing, as the virtual boards of tests are."""

from __future__ import annotations

from edge_deployer.profile import load_profile
from edge_deployer.session import DeviceSession
from edge_deployer.transport.board_transport import BoardTransport, open_transport
from edge_deployer.wire.framing import FramingName


def transport_to(url: str, *, line_rate: int = 115200, framing: FramingName = "console") -> BoardTransport:
    """The way to a board; a line rate of 0 is no limit."""
    line = {"line_rate": line_rate, "framing": framing}
    return open_transport(url, load_profile("cortex-m4").model_copy(update=line))


def session_with(
    url: str,
    *,
    line_rate: int = 115200,
    framing: FramingName = "console",
    epoch: int | None = None,
    request_timeout_s: float = 2.0,
) -> DeviceSession:
    """A session with a board."""
    transport = transport_to(url, line_rate=line_rate, framing=framing)
    return DeviceSession(transport, epoch=epoch, request_timeout_s=request_timeout_s)
