"""The way to a board: SMP messages over a serial port, local or remote."""

from edge_deployer.transport.ports import PortBusy, PortClosed, PortUnavailable
from edge_deployer.transport.serial_transport import GarbledReply, SerialTransport

__all__ = ["GarbledReply", "PortBusy", "PortClosed", "PortUnavailable", "SerialTransport"]
