"""How long a command waits for boards that somebody else holds, and what it says meanwhile."""

from __future__ import annotations

from edge_deployer.cli.output import progress_stream
from edge_deployer.inventory.leases import Patience


def patience_of(minutes: float) -> Patience:
    """As long as `--wait` says; what is waited for is said on stderr."""
    return Patience(minutes * 60, _tell)


def _tell(words: str) -> None:
    stream = progress_stream()
    stream.write(f"{words}\n")
    stream.flush()
