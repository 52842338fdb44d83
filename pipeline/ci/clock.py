"""Time, as waiting needs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """A clock; tests bring one that nobody waits for.

    Attributes:
        now: seconds since some moment.
        pause: lets seconds pass.
    """

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
