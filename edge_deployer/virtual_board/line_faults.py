"""Faults of the line: noise both ways, short reads, the adapter that vanishes. They live in the line process."""

from __future__ import annotations

from edge_deployer.virtual_board.faults import FaultKind, FaultPlan, LineNoise, RandomHits, generator
from edge_deployer.virtual_board.ledger import Ledger

_BITS = 8


class Noise:
    """Flips bits and loses bytes in one direction, whose name is part of the seed."""

    def __init__(self, noise: LineNoise, plan: FaultPlan, place: str, ledger: Ledger) -> None:
        self._quiet = noise == LineNoise()
        self._flips = RandomHits(noise.bit_flips, generator(plan, f"{place}.bit_flips"))
        self._losses = RandomHits(noise.lost_bytes, generator(plan, f"{place}.lost_bytes"))
        self._ledger = ledger

    def apply(self, data: bytes) -> bytes:
        """What arrives of `data`."""
        if self._quiet:
            return data
        flips, losses = self._flips.among(_BITS * len(data)), self._losses.among(len(data))
        damaged = bytearray(data)
        for bit in flips:
            damaged[bit // _BITS] ^= 1 << bit % _BITS
        for index in reversed(losses):
            del damaged[index]
        self._ledger.add_fault(FaultKind.BIT_FLIP, len(flips))
        self._ledger.add_fault(FaultKind.LOST_BYTE, len(losses))
        return bytes(damaged)


class LineFaults:
    """What a plan does to a line, with noise of its own each way."""

    def __init__(self, plan: FaultPlan, ledger: Ledger) -> None:
        self.to_board = Noise(plan.to_board, plan, "to_board", ledger)
        self.to_client = Noise(plan.to_client, plan, "to_client", ledger)
        self._vanish = plan.vanish
        self._passed = 0
        self._longest_portion = plan.short_reads
        self._portions = generator(plan, "short_reads")
        self._ledger = ledger

    def portion(self) -> int | None:
        """Bytes that the client gets at once; None: all there are."""
        if self._longest_portion is None:
            return None
        self._ledger.add_fault(FaultKind.SHORT_READ)
        return self._portions.randint(1, self._longest_portion)

    def passing(self, data: bytes) -> tuple[bytes, float | None]:
        """What still passes, and the seconds for which the line then vanishes; None: it stays."""
        if self._vanish is None:
            return data, None
        room = self._vanish.after_bytes - self._passed
        self._passed += len(data)
        if self._passed < self._vanish.after_bytes:
            return data, None
        seconds, self._vanish = self._vanish.seconds, None
        return data[:room], seconds
