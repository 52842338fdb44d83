"""The supply of the flash: each operation passes here, is counted, takes its time, and may find the power gone."""

from __future__ import annotations

import time

from edge_deployer.profile import BoardProfile
from edge_deployer.virtual_board.faults import FaultKind
from edge_deployer.virtual_board.flash import Operation
from edge_deployer.virtual_board.ledger import Count, Ledger


class FlashSupply:
    """Called by the flash for each operation, which takes as long as `timing` states, if it is given."""

    def __init__(self, ledger: Ledger, timing: BoardProfile | None) -> None:
        self._erases, self._writes, self._written = 0, 0, 0
        self._ledger, self._timing = ledger, timing

    def __call__(self, operation: Operation, nbytes: int) -> float:
        """The share of the operation that completes: 1.0 unless the plan cuts power in it."""
        self._ledger.add(Count.FLASH_OPERATIONS)
        number = self._ledger.add(Count.PLAN_FLASH_OPERATIONS)
        plan, seconds = self._ledger.plan, 0.0
        if operation == "erase":
            self._erases += 1
            if self._timing is not None:
                seconds = self._timing.page_erase_ms / 1000
        else:
            self._writes, self._written = self._writes + 1, self._written + nbytes
            if self._timing is not None:
                seconds = nbytes / self._timing.flash_bytes_per_second
            if plan.slow_flash is not None:
                self._ledger.add_fault(FaultKind.SLOW_FLASH)
                seconds = max(seconds, nbytes / plan.slow_flash)
        if seconds:
            time.sleep(seconds)
        if plan.power_cut is None or number != plan.power_cut.operation:
            return 1.0
        self._ledger.add_fault(FaultKind.POWER_CUT)
        return plan.power_cut.share

    def statistics(self) -> dict[str, int]:
        """Pages erased, writes and bytes written since the firmware's start."""
        return {"erases": self._erases, "writes": self._writes, "bytes": self._written}
