"""A board that does not answer gets its power cycled once, where something can do that, before it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, TypeVar

from edge_deployer.boards.journal import Journal
from edge_deployer.inventory.power import PowerFailed, PowerSupply
from edge_deployer.session import BoardGone, LineError

_Reached = TypeVar("_Reached")

_BACK_S: Final = 30.0
"""Seconds in which a board must answer once it has power again, as after a reset."""

_POLL_S: Final = 0.2
"""Seconds between two attempts while its port is not there yet, or its boot log is on the line."""


async def revived(
    reach: Callable[[], Awaitable[_Reached]], board: str, supply: PowerSupply | None, journal: Journal
) -> _Reached:
    """What reaching a board comes to; where it does not answer, after one power cycle.

    A board that answers, whatever it says, is not touched: it is alive, or somebody else's.

    Args:
        reach: opens a session and asks what is to be known; leaves nothing open where it raises.
        board: its name.
        supply: of its power; None: a board that does not answer is given up at once.
        journal: where the power cycle is noted, with why.

    Raises:
        SessionError: the board does not answer, also after the power cycle; or see `reach`.
    """
    try:
        return await reach()
    except (BoardGone, LineError) as silence:
        if supply is None:
            raise
        journal.note(board, "power cycle", f"it does not answer: {silence.message}")
        try:
            await supply.cycle()
        except PowerFailed as failure:
            journal.note(board, "not power cycled", failure.message)
            raise silence from failure
    return await _once_back(reach)


async def _once_back(reach: Callable[[], Awaitable[_Reached]]) -> _Reached:
    until = monotonic() + _BACK_S
    while True:
        try:
            return await reach()
        except (BoardGone, LineError):
            if monotonic() > until:
                raise
        await asyncio.sleep(_POLL_S)
