"""What one virtual board is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge_deployer.profile import BoardProfile


@dataclass(frozen=True)
class BoardSettings:
    """What one virtual board is.

    Attributes:
        directory: holds the link to the pty, the log and the flash; survives the process.
        profile: the class of board it plays.
        public_key: images that this key did not sign never boot.
        line_rate: bits per second of the UART, 10 bits a byte; 0 for as fast as the host goes.
    """

    directory: Path
    profile: BoardProfile
    public_key: Ed25519PublicKey
    line_rate: int

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
        """What the board did, one event a line."""
        return self.directory / "board.log"
