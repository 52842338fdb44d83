"""How a process ends when it is told to: the same way for SIGINT, SIGTERM and SIGHUP.

A signal is raised as an exception where the program stands; asynchronous work is cancelled, and the signal counts once
that has ended. What puts boards and files in order is not cut short by any signal: one that comes meanwhile counts
afterwards, and says what it waits for. A signal that is ignored stays ignored: `nohup` and a shell's background say so.
"""

from __future__ import annotations

import _thread
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from types import FrameType
from typing import Final, TypeVar

from edge_deployer.errors import TinyopsError

Result = TypeVar("Result")
Handler = Callable[[int, "FrameType | None"], None]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN_S: Final = 0.1
"""After so long a signal that ended nothing yet is heard again."""

# Signals are the process's, and so is what they have to wait for.
_waits: list[str] = []
_deferred: list[int] = []


class _End:
    """What both exceptions have.

    Attributes:
        number: the signal's.
        left: what is left behind, in words; empty if there is nothing to say.
    """

    left = ""

    def __init__(self, number: int) -> None:
        self.number = number

    @property
    def status(self) -> int:
        """The exit status, as a shell gives it."""
        return 128 + self.number

    def __str__(self) -> str:
        stopped = f"stopped by {signal.Signals(self.number).name}"
        return f"{stopped}; {self.left}" if self.left else stopped


class Ended(_End, BaseException):
    """A signal ends the command. No Exception, so that no library takes it for an error of its own."""


class StepEnded(_End, Exception):
    """A signal ends a process that TFX runs in: TFX and Beam clean up after an Exception only."""


class CutShort(Exception):
    """Asynchronous work was cancelled and says what it left, in words."""


@contextmanager
def listening(kind: type[Ended | StepEnded] = Ended) -> Iterator[None]:
    """A block that a signal ends, by raising `kind` in it. To be entered in the main thread.

    A `StepEnded` can be lost: whatever catches an Exception where the signal comes, a handler of logging or a
    destructor, takes it for its own and goes on. It is therefore raised again until the block has ended, but not while
    it is being handled: the cleaning up is not disturbed, by further signals neither.
    """
    is_over, ending = False, Lock()

    def again(number: int) -> None:
        with ending:
            if not is_over:
                _thread.interrupt_main(signal.Signals(number))

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        if is_over:
            return
        if _waits:
            _tell(number)
            if not _deferred:
                _deferred.append(number)
            return
        if kind is StepEnded:
            repetition = Timer(_AGAIN_S, again, [number])
            repetition.daemon = True
            repetition.start()
            if _is_being_handled():
                return
        raise kind(number)

    with _handled_by(hear):
        try:
            yield
        finally:
            with ending:
                is_over = True


def _is_being_handled() -> bool:
    """Whether the program is in an ``except`` or ``finally`` on account of a `StepEnded`."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, StepEnded):
        error = error.__cause__ or error.__context__
    return error is not None


def listen_no_more() -> None:
    """To be called within `listening` once all is in order: what is left to say must be said."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def waited_for(what: str) -> Iterator[None]:
    """A block that no signal cuts short.

    `what` completes "waiting for", for whoever sends a signal; it is empty for what takes no time.
    """
    _waits.append(what)
    try:
        yield
    finally:
        _waits.remove(what)
        if _deferred and not _waits:
            signal.raise_signal(_deferred.pop())


def run_to_end(work: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine; a signal cancels it, and counts once it has ended. To be called in the main thread.

    Raises:
        Ended: or what this process's own handler of the signal raises.
    """
    heard: list[int] = []
    cancel: list[Callable[[], object]] = []

    def hear(number: int, frame: FrameType | None) -> None:
        del frame
        heard.append(number)
        if len(heard) > 1 and _waits:
            _tell(number)
        elif cancel:
            cancel[0]()

    async def cancellable() -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        cancel.append(lambda: loop.call_soon_threadsafe(task.cancel))
        if heard:
            task.cancel()
        try:
            return await task
        finally:
            cancel.clear()

    left = ""
    try:
        with _handled_by(hear):
            return asyncio.run(cancellable())
    except CutShort as cut:
        left = str(cut)
    except (asyncio.CancelledError, TinyopsError) as error:
        if not heard:
            raise
        left = error.message if isinstance(error, TinyopsError) else ""
    raise _counted(heard[0], left) from None


async def uncut(work: Coroutine[None, None, Result], what: str = "") -> Result:
    """Await work that no signal cuts short, see `waited_for`; a cancellation counts when it is done."""
    task, cancelled = asyncio.ensure_future(work), False
    with waited_for(what):
        while not task.done():
            cancelled |= await _is_cancelled_before_the_end_of(task)
    result = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return result


async def within(seconds: float, work: Coroutine[None, None, Result]) -> Result:
    """Await work for so long. Before Python 3.12 `asyncio.wait_for` may lose a cancellation (bpo-37658): this does not.

    Raises:
        asyncio.TimeoutError: it has not ended by then, and is cancelled.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    raise asyncio.TimeoutError


async def _is_cancelled_before_the_end_of(task: asyncio.Task[Result]) -> bool:
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        return True
    return False


def _counted(number: int, left: str) -> Ended | StepEnded:
    """What the signal would have raised without the work; a process that nobody prepared for it, it may also end."""
    try:
        signal.raise_signal(number)
    except (Ended, StepEnded) as raised:
        ended = raised
    else:
        ended = Ended(number)
    ended.left = left
    return ended


@contextmanager
def _handled_by(hear: Handler) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number in heard:
            # What `listen_no_more` has ignored stays so: Python's own end takes a moment.
            if signal.getsignal(number) is hear:
                signal.signal(number, before[number])


def _tell(number: int) -> None:
    """Say what is waited for: past Python's streams, in the middle of whose work a signal may come."""
    what = ", ".join(filter(None, _waits))
    # The terminal may be what has gone.
    with suppress(OSError):
        if what:
            os.write(2, f"{signal.Signals(number).name}: waiting for {what}\n".encode(errors="replace"))
