"""What one virtual board is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.profile import BoardProfile
from edge_deployer.virtual_board.faults import HEALTHY, FaultPlan
from edge_deployer.virtual_board.udp_port import DATAGRAMS
from edge_deployer.wire.framing import FRAMINGS, Framing


@dataclass(frozen=True)
class BoardSettings:
    """What one virtual board is.

    Attributes:
        directory: holds the link to the pty (if any), the control socket, the log and the flash; survives the process.
        profile: the class of board it plays, with the line rate and framing in force; a line rate of 0 is as fast as
            the host goes.
        public_keys: images that none of these keys signed never boot.
        realtime: whether inference and flash take the profile's time.
        faults: what goes wrong from the first start.
        udp: the UDP port it answers at instead of a pty, 0 for any that is free; None: it has a pty.
    """

    directory: Path
    profile: BoardProfile
    public_keys: tuple[Ed25519PublicKey, ...]
    realtime: bool = False
    faults: FaultPlan = HEALTHY
    udp: int | None = None

    @property
    def framing(self) -> Framing:
        """How messages go over the UART."""
        return FRAMINGS[self.profile.framing] if self.udp is None else DATAGRAMS

    @property
    def line_rate(self) -> int:
        """Bits per second between client and board; 0: no limit."""
        return self.profile.line_rate if self.udp is None else 0

    @property
    def flash_directory(self) -> Path:
        """What survives a power cycle."""
        return self.directory / "flash"

    @property
    def line(self) -> Path:
        """Stable link to the pty."""
        return self.directory / "line"

    @property
    def log(self) -> Path:
        """What the board did, one event per line."""
        return self.directory / "board.log"
