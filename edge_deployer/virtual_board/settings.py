"""What one virtual board is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from edge_deployer.errors import TinyopsError
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


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read an ed25519 public key in PEM.

    Raises:
        TinyopsError: no such file, or something else in it.
    """
    remedy = "give the PEM file that 'imgtool getpub --encoding pem' writes for an ed25519 key"
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise TinyopsError(f"public key {path}: {error}", remedy=remedy) from error
    if not isinstance(key, Ed25519PublicKey):
        raise TinyopsError(f"public key {path} is not an ed25519 key", remedy=remedy)
    return key
