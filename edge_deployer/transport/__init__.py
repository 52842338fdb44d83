"""The way to a board: SMP messages over a serial port, local or remote, or over UDP."""

from edge_deployer.transport.board_transport import (
    DEVICE,
    BoardTransport,
    GarbledReply,
    PortBusy,
    PortClosed,
    PortUnavailable,
    host_and_port,
    open_transport,
    scheme_of,
)

__all__ = [
    "DEVICE",
    "BoardTransport",
    "GarbledReply",
    "PortBusy",
    "PortClosed",
    "PortUnavailable",
    "host_and_port",
    "open_transport",
    "scheme_of",
]
