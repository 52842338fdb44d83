"""The way to a board: SMP messages over a serial port, local or remote."""

from edge_deployer.transport.console import ConsoleTransport, GarbledReply
from edge_deployer.transport.ports import PortBusy, PortClosed, PortUnavailable

__all__ = ["ConsoleTransport", "GarbledReply", "PortBusy", "PortClosed", "PortUnavailable"]
