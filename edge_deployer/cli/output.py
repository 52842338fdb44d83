"""Standard output and errors: what cannot be written there any more is no reason to stop the work."""

from __future__ import annotations

import sys
from typing import IO, Any, cast


class Lenient:
    """A stream whose reader may go, or whose disk may fill.

    Args:
        stream: what it writes to.

    Attributes:
        lost: why something could not be written; None if all was.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write what can be written."""
        try:
            self._stream.write(text)
        except OSError as error:
            self.lost = error
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except OSError as error:
            self.lost = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def progress_stream() -> IO[str]:
    """Stderr for progress: a terminal that is gone, which may be what ends a command, must not keep it from its end."""
    return cast("IO[str]", Lenient(sys.stderr))
