"""Which machine this is, and its clock that nobody can set."""

from __future__ import annotations

import time
import uuid
from functools import cache
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def boot_id() -> str:
    """The kernel's name for this boot of this machine: the same in every container on it, another on every other.

    A machine's own name would not do: every pod has one of its own. Where the kernel gives none, the network card's
    address stands for it.
    """
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"{uuid.getnode():012x}"


def seconds_since_boot() -> float:
    """Time that passes whatever the clock is set to; the same for all processes of this machine, over a suspend too."""
    return time.clock_gettime(_CLOCK)
