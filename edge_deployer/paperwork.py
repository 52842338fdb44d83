"""What is written down of an outcome that stands: if that fails, it is a warning, and the outcome stays what it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from edge_deployer.ending import Ended
from edge_deployer.errors import TinyopsError

# Without a handler of the program's own, Python prints warnings on stderr.
_LOGGER = logging.getLogger("tinyops.paperwork")


@contextmanager
def paperwork(what: str) -> Iterator[None]:
    """A block that writes `what`, in words, and may fail, or be stopped by a signal."""
    try:
        yield
    except TinyopsError as error:
        _LOGGER.warning("warning: %s is not written: %s; %s", what, error.message, error.remedy)
    except (OSError, Ended) as error:
        _LOGGER.warning("warning: %s is not written: %s", what, error)
