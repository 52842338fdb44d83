"""Memory that a board's line process and its firmware share: counts and the fault plan, over all resets."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from enum import IntEnum

from edge_deployer.virtual_board.faults import FaultKind, FaultPlan

_COUNTS_BYTES = 512
_LONGEST_PLAN = 16384 - _COUNTS_BYTES


class Count(IntEnum):
    """What is counted besides injected faults; each cell has one writer at a time."""

    PLAN = 0  # Changes twice with every plan; odd while one is being written.
    PLAN_BYTES = 1
    UART_READ = 2  # Bytes from the UART that the running firmware is done with.
    OVERRUNS = 3  # Bytes lost since its start because its buffers were full.
    RESETS = 4  # Starts of the firmware after the first.
    BYTES_TO_BOARD = 5  # Bytes that left the client's end of the line.
    BYTES_TO_CLIENT = 6  # Bytes that left the board's end.
    FLASH_OPERATIONS = 7  # Writes and page erases.
    REQUESTS = 8  # Requests since the plan was set.
    INFERENCES = 9  # Samples since the plan was set.
    PLAN_FLASH_OPERATIONS = 10


_SINCE_PLAN = (Count.REQUESTS, Count.INFERENCES, Count.PLAN_FLASH_OPERATIONS)
_FIRST_FAULT = len(Count)
_FAULT_CELLS = {kind: _FIRST_FAULT + index for index, kind in enumerate(FaultKind)}


class Ledger:
    """The shared memory of one board."""

    def __init__(self, plan: FaultPlan) -> None:
        self._memory = mmap.mmap(-1, _COUNTS_BYTES + _LONGEST_PLAN)
        self._cells = memoryview(self._memory)[:_COUNTS_BYTES].cast("Q")
        self._read: tuple[int, FaultPlan] | None = None
        self.plan = plan

    def __getitem__(self, count: Count) -> int:
        return self._cells[count]

    def __setitem__(self, count: Count, value: int) -> None:
        self._cells[count] = value

    def add(self, count: Count, amount: int = 1) -> int:
        """Count; returns the new count."""
        self._cells[count] += amount
        return self._cells[count]

    def add_fault(self, kind: FaultKind, amount: int = 1) -> None:
        """Count an injected fault."""
        self._cells[_FAULT_CELLS[kind]] += amount

    def faults(self) -> dict[str, int]:
        """Injected faults by kind."""
        return {kind.value: self._cells[cell] for kind, cell in _FAULT_CELLS.items()}

    def values(self, counts: Iterable[Count]) -> dict[str, int]:
        """Some counts by their names in lower case."""
        return {count.name.lower(): self[count] for count in counts}

    @property
    def plan(self) -> FaultPlan:
        """The faults in force; setting it starts the counts that a plan's numbers refer to."""
        while self._read is None or self._read[0] != self[Count.PLAN]:
            version = self[Count.PLAN]
            text = self._memory[_COUNTS_BYTES : _COUNTS_BYTES + self[Count.PLAN_BYTES]]
            # The line process may just be writing another one.
            if version == self[Count.PLAN] and version % 2 == 0:
                self._read = version, FaultPlan.model_validate_json(text)
        return self._read[1]

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        text = plan.model_dump_json(exclude_defaults=True).encode()
        self.add(Count.PLAN)
        self._memory[_COUNTS_BYTES : _COUNTS_BYTES + len(text)] = text
        self[Count.PLAN_BYTES] = len(text)
        for count in _SINCE_PLAN:
            self[count] = 0
        self.add(Count.PLAN)
