"""A lock file: one holder at a time, released when the holder ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_deployer.errors import TinyopsError


@contextmanager
def exclusive(path: Path, *, busy: str) -> Iterator[None]:
    """Hold the lock at `path`, whose folder is made if need be.

    Args:
        path: the lock file.
        busy: the message if someone else holds it.

    Raises:
        TinyopsError: someone else holds it, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        raise TinyopsError(
            f"{path.parent} cannot be written: {error.strerror}", remedy="give another folder with --workspace"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TinyopsError(
                busy, remedy="wait until it has ended, or give this one another folder with --workspace"
            ) from None
        yield
