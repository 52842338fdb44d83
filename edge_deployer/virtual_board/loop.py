"""The line process's event loop: descriptors and timers of all boards, few wake-ups, timers to the microsecond.

`asyncio` and `selectors` wait in whole milliseconds, a byte's time at 115,200 baud is a tenth of one.
"""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

Callback = Callable[[], None]
_GONE = select.EPOLLHUP | select.EPOLLERR


class EventLoop:
    """Calls back when a descriptor is ready or a time has come, until `stop`."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._timers: list[tuple[float, int, Callback]] = []
        self._order = itertools.count()
        self._forgotten: set[int] = set()
        self._running = False

    def on_readable(self, descriptor: int, callback: Callback | None) -> None:
        """Call back whenever there is something to read, or the other end is gone; None: no longer."""
        self._change(self._readers, descriptor, callback)

    def on_writable(self, descriptor: int, callback: Callback | None) -> None:
        """Call back whenever there is room to write; None: no longer."""
        self._change(self._writers, descriptor, callback)

    def forget(self, descriptor: int) -> None:
        """To be called before a descriptor is closed."""
        self.on_readable(descriptor, None)
        self.on_writable(descriptor, None)

    def call_at(self, when: float, callback: Callback) -> None:
        """Call back once, at a time of `time.monotonic`, or as soon after it as other callbacks allow."""
        heapq.heappush(self._timers, (when, next(self._order), callback))

    def call_after(self, seconds: float, callback: Callback) -> None:
        """Call back once, so many seconds from now."""
        self.call_at(time.monotonic() + seconds, callback)

    def run(self) -> None:
        """Call back until `stop`."""
        self._running = True
        while self._running:
            self._wait()
            self._forgotten.clear()
            for descriptor, events in self._epoll.poll(0):
                # A descriptor that was closed meanwhile may be another one by now: its event comes again if it counts.
                if descriptor not in self._forgotten:
                    self._dispatch(descriptor, events)
            self._run_timers()

    def stop(self) -> None:
        """Let `run` return."""
        self._running = False

    def close(self) -> None:
        """Release the loop's own descriptor."""
        self._epoll.close()

    def _wait(self) -> None:
        # An epoll descriptor can itself be waited for, by a call that takes microseconds.
        timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        if timeout != 0.0:
            select.select([self._epoll], [], [], timeout)

    def _dispatch(self, descriptor: int, events: int) -> None:
        reader = self._readers.get(descriptor)
        if reader is not None and events & (select.EPOLLIN | _GONE):
            reader()
        writer = self._writers.get(descriptor)
        if writer is not None and events & (select.EPOLLOUT | _GONE):
            writer()

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def _change(self, callbacks: dict[int, Callback], descriptor: int, callback: Callback | None) -> None:
        before = self._events(descriptor)
        if callback is None:
            callbacks.pop(descriptor, None)
        else:
            callbacks[descriptor] = callback
        after = self._events(descriptor)
        if before and not after:
            self._epoll.unregister(descriptor)
            self._forgotten.add(descriptor)
        elif after and not before:
            self._epoll.register(descriptor, after)
        elif after != before:
            self._epoll.modify(descriptor, after)

    def _events(self, descriptor: int) -> int:
        reads, writes = descriptor in self._readers, descriptor in self._writers
        return (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if writes else 0)
