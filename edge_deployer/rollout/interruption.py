"""Ctrl-C during a deployment: the work is cancelled, so that it can put boards back, and only then the signal counts.

Python 3.11's `asyncio.run` does this by itself; on 3.10 a KeyboardInterrupt bursts out of whatever line runs just then.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import TypeVar

Result = TypeVar("Result")


def run_interruptible(work: Coroutine[None, None, Result]) -> Result:
    """Run a coroutine to its end. To be called in the main thread.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed (or what this process's own SIGINT handler raises). The work has been
            cancelled and has ended.
    """
    before = signal.getsignal(signal.SIGINT)
    try:
        return asyncio.run(_cancelled_by_sigint(work))
    except asyncio.CancelledError:
        signal.signal(signal.SIGINT, before)
        signal.raise_signal(signal.SIGINT)
        raise
    finally:
        signal.signal(signal.SIGINT, before)


async def _cancelled_by_sigint(work: Coroutine[None, None, Result]) -> Result:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    return await task
