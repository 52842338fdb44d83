"""A lock file: one holder at a time, released when the holder ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder

_POLL_S = 0.1

# Never through a link, and never emptied: whatever stands at the path may be somebody else's.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@contextmanager
def exclusive(path: Path, *, busy: str, wait_s: float = 0.0) -> Iterator[int]:
    """Hold the lock at `path`, whose folder is made if need be.

    Args:
        path: of the lock.
        busy: the message if someone else holds it.
        wait_s: how long to wait until nobody does.

    Yields:
        Its descriptor; whoever inherits it holds the lock too.

    Raises:
        TinyopsError: someone else holds it, the folder cannot be written, or the lock is a link.
    """
    make_folder(path.parent, remedy="give another folder with --workspace")
    descriptor = _open(path)
    try:
        until = time.monotonic() + wait_s
        while not _is_taken(descriptor):
            if time.monotonic() >= until:
                remedy = "wait until it has ended, or give this one another folder with --workspace"
                raise TinyopsError(busy, remedy=remedy)
            time.sleep(_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _open(path: Path) -> int:
    try:
        return os.open(path, _FLAGS, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            remedy = "remove the link"
            raise TinyopsError(f"the lock {path} is a symbolic link, which no command makes", remedy=remedy) from None
        remedy = "move away what stands there, or give another folder with --workspace"
        raise TinyopsError(f"the lock {path} cannot be opened: {error.strerror}", remedy=remedy) from None
