"""The supply of the flash: each operation passes here, is counted, takes its time, and may find the power gone."""

from __future__ import annotations

import time
from dataclasses import dataclass

from edge_deployer.profile import BoardProfile
from edge_deployer.virtual_board.faults import FaultKind
from edge_deployer.virtual_board.flash import Operation
from edge_deployer.virtual_board.ledger import Count, Ledger


@dataclass(frozen=True)
class FlashTiming:
    """What flash operations take.

    Attributes:
        write_s: seconds a byte.
        erase_s: seconds a page.
    """

    write_s: float
    erase_s: float

    @classmethod
    def of(cls, profile: BoardProfile) -> FlashTiming:
        """The timing that a profile states."""
        return cls(1 / profile.flash_bytes_per_second, profile.page_erase_ms / 1000)


class FlashSupply:
    """Called by the flash for each operation.

    Args:
        ledger: holds the plan and the counts.
        timing: what is waited for; None: nothing.
    """

    def __init__(self, ledger: Ledger, timing: FlashTiming | None) -> None:
        self._erases, self._writes, self._written = 0, 0, 0
        self._ledger, self._timing = ledger, timing

    def __call__(self, operation: Operation) -> float:
        """The share of the operation that completes: 1.0 unless the plan cuts power in it."""
        erases = operation.kind == "erase"
        self._erases += erases
        self._writes += not erases
        self._written += 0 if erases else operation.nbytes
        self._ledger.add(Count.FLASH_OPERATIONS)
        number = self._ledger.add(Count.PLAN_FLASH_OPERATIONS)
        plan = self._ledger.plan
        seconds = self._seconds(operation.nbytes, erases=erases)
        if plan.slow_flash is not None and not erases:
            self._ledger.add_fault(FaultKind.SLOW_FLASH)
            seconds = max(seconds, operation.nbytes / plan.slow_flash)
        if seconds:
            time.sleep(seconds)
        if plan.power_cut is None or number != plan.power_cut.operation:
            return 1.0
        self._ledger.add_fault(FaultKind.POWER_CUT)
        return plan.power_cut.share

    def statistics(self) -> dict[str, int]:
        """Pages erased, writes and bytes written since the firmware's start."""
        return {"erases": self._erases, "writes": self._writes, "bytes": self._written}

    def _seconds(self, nbytes: int, *, erases: bool) -> float:
        if self._timing is None:
            return 0.0
        return self._timing.erase_s if erases else nbytes * self._timing.write_s
