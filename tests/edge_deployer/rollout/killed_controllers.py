"""A controller in a process of its own, which is killed at a write of the trail."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, Literal

from edge_deployer.boards.trail import Entry, Trail
from edge_deployer.child_process import fork
from tests.edge_deployer.rollout.simulated_rollouts import Fleet

Side = Literal["before", "after"]


def killed(fleet: Fleet, number: int, side: Side, **given: object) -> bool:
    """Start a rollout in another process and kill it at a write of the trail; False if it ended before that."""
    reading, writing = os.pipe()

    def life() -> int:
        os.close(reading)
        _stop_at(number, side, writing)
        asyncio.run(fleet.start(fleet.releases.wanted, **given))
        return 0

    child = fork(life)
    os.close(writing)
    with os.fdopen(reading, "rb") as stopped:
        has_stopped = stopped.read(1) == b"s"
        if has_stopped:
            child.kill()
    assert child.wait() == (-signal.SIGKILL if has_stopped else 0)
    return has_stopped


def _stop_at(number: int, side: Side, descriptor: int) -> None:
    """Have this process say so and stand still at the n-th entry, before or after it is written."""
    append, count = Trail.append, iter(range(1, number + 1))

    def stopping(trail: Trail, *args: Any, **kwargs: Any) -> Entry:
        is_it = next(count, 0) == number
        if is_it and side == "before":
            _stand_still(descriptor)
        entry = append(trail, *args, **kwargs)
        if is_it:
            _stand_still(descriptor)
        return entry

    Trail.append = stopping  # type: ignore[method-assign]


def _stand_still(descriptor: int) -> None:
    os.write(descriptor, b"s")
    while True:
        signal.pause()
