"""Time, as waiting needs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """A clock; tests bring one that nobody waits for."""

    now: Callable[[], float] = time.monotonic  # Seconds since some moment.
    pause: Callable[[float], None] = time.sleep  # Lets seconds pass.
