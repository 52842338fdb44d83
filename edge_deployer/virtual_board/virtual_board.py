"""A virtual board in the line process: its port, the line and its faults, power, and the firmware after every reset."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from edge_deployer.errors import TinyopsError
from edge_deployer.virtual_board.faults import FaultKind, FaultPlan
from edge_deployer.virtual_board.firmware import Exit
from edge_deployer.virtual_board.firmware_process import FirmwareProcess, log_to
from edge_deployer.virtual_board.lane import Lane
from edge_deployer.virtual_board.ledger import Count, Ledger
from edge_deployer.virtual_board.line_faults import LineFaults
from edge_deployer.virtual_board.loop import EventLoop
from edge_deployer.virtual_board.pty_port import PtyPort
from edge_deployer.virtual_board.retained import RetainedMemory
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.virtual_board.udp_port import UdpPort
from edge_deployer.wire.inference import ResetReason

# More than this on its way, and the client has to wait.
_LINE_FULL_BYTES = 4096
_REPORTED = (Count.BYTES_TO_BOARD, Count.BYTES_TO_CLIENT, Count.FLASH_OPERATIONS, Count.RESETS)


class Conveyor:
    """Moves bytes through a lane of so many bits per second: `deliver` takes them when they have arrived."""

    def __init__(self, loop: EventLoop, line_rate: int, deliver: Callable[[bytes], None]) -> None:
        self.lane = Lane(line_rate)
        self._loop, self._deliver = loop, deliver
        self._armed = False

    def send(self, data: bytes) -> None:
        """Bytes start their way."""
        self.lane.push(data, time.monotonic())
        self._arm()

    def _arm(self) -> None:
        now = time.monotonic()
        wait = self.lane.wait(now)
        if wait is not None and not self._armed:
            self._armed = True
            self._loop.call_at(now + wait, self._arrive)

    def _arrive(self) -> None:
        self._armed = False
        arrived = self.lane.take(time.monotonic())
        if arrived:
            self._deliver(arrived)
        self._arm()


class VirtualBoard:
    """A board with power on, until `close`.

    `on_boot` is called once, when it has booted for the first time or has failed to; `failure` is why the firmware does
    not boot, None while it does.
    """

    def __init__(self, settings: BoardSettings, loop: EventLoop, on_boot: Callable[[VirtualBoard], None]) -> None:
        self.settings = settings
        self.failure: TinyopsError | None = None
        self._loop = loop
        self._log = logging.getLogger(f"{__name__}.{settings.directory}")
        log_to(settings, self._log)
        self._ledger = Ledger(settings.faults)
        self._faults = LineFaults(settings.faults, self._ledger)
        self._to_board = Conveyor(loop, settings.line_rate, self._at_board)
        self._to_client = Conveyor(loop, settings.line_rate, self._at_client)
        self._port = (
            PtyPort(loop, settings.line, self._from_client, lambda: self._faults.portion())
            if settings.udp is None
            else UdpPort(loop, settings.udp, self._from_client)
        )
        self._firmware: FirmwareProcess | None = None
        self._is_up = False
        self._boot_failure: str | None = None
        self._waiting: list[Callable[[], None]] = [lambda: on_boot(self)]
        self.power_on()

    @property
    def address(self) -> str:
        """Path of the pty, or URL of the UDP port."""
        return self._port.address

    def power_on(self) -> None:
        """Start the firmware, unless it has power."""
        if self._firmware is None:
            self._start(ResetReason.POWER_ON, resets=0)

    def power_off(self) -> None:
        """Stop the firmware wherever it is. The line stays."""
        if self._firmware is not None:
            self._log.info("power off")
            self._forget_firmware(self._firmware).kill()
        RetainedMemory.lose_power(self.settings.flash_directory)

    def reset(self) -> None:
        """Pull the reset pin, wherever the firmware is; without power nothing happens."""
        if self._firmware is not None:
            self._log.info("reset pin")
            self._forget_firmware(self._firmware).kill()
            self._start(ResetReason.SOFTWARE)

    def when_booted(self, call: Callable[[], None]) -> None:
        """Call once the firmware has booted, or has failed to; at once if it is not about to."""
        if self._firmware is None or self._is_up:
            call()
        else:
            self._waiting.append(call)

    def set_faults(self, plan: FaultPlan) -> None:
        """Replace the plan; the counts that its numbers refer to start again."""
        self._ledger.plan = plan
        self._faults = LineFaults(plan, self._ledger)

    def vanish(self, seconds: float) -> None:
        """Take the line away for some time; nothing happens while it is away."""
        if not self._port.exists:
            return
        self._log.info("the line vanishes for %g s", seconds)
        self._ledger.add_fault(FaultKind.VANISH)
        self._port.vanish()
        self._to_board.lane.clear()
        self._to_client.lane.clear()
        self._loop.call_after(seconds, self._port.appear)

    def counters(self) -> dict[str, object]:
        """Bytes each way, flash operations, resets, and the injected faults by kind."""
        return {**self._ledger.values(_REPORTED), "faults": self._ledger.faults()}

    def close(self) -> None:
        """Power off, and take the line away."""
        self.power_off()
        if self._port.exists:
            self._port.vanish()

    def _from_client(self, data: bytes) -> None:
        self._ledger.add(Count.BYTES_TO_BOARD, len(data))
        self._to_board.send(data)
        self._port.listen(wanted=len(self._to_board.lane) < _LINE_FULL_BYTES)

    def _at_board(self, data: bytes) -> None:
        self._port.listen(wanted=len(self._to_board.lane) < _LINE_FULL_BYTES)
        passing, vanishes_for = self._faults.passing(data)
        if self._firmware is not None:
            self._firmware.send(self._faults.to_board.apply(passing))
        if vanishes_for is not None:
            self.vanish(vanishes_for)

    def _from_firmware(self) -> None:
        assert self._firmware is not None
        data = self._firmware.receive()
        if data:
            self._ledger.add(Count.BYTES_TO_CLIENT, len(data))
            self._to_client.send(data)
        elif data is not None:
            self._firmware_ended()

    def _at_client(self, data: bytes) -> None:
        passing, vanishes_for = self._faults.passing(data)
        self._port.write(self._faults.to_client.apply(passing))
        if vanishes_for is not None:
            self.vanish(vanishes_for)

    def _start(self, reason: ResetReason, resets: int = 1) -> None:
        self._ledger.add(Count.RESETS, resets)
        self._is_up, self._boot_failure, self.failure = False, None, None
        self._firmware = FirmwareProcess(self.settings, self._ledger, reason)
        self._loop.on_readable(self._firmware.uart, self._from_firmware)
        self._loop.on_readable(self._firmware.ready, self._boot_settled)

    def _boot_settled(self) -> None:
        """The firmware has booted, or has ended without, which its UART tells."""
        assert self._firmware is not None
        self._loop.forget(self._firmware.ready)
        self._boot_failure = self._firmware.boot_outcome()
        if self._boot_failure is None:
            self._is_up = True
            self._call_waiting()

    def _firmware_ended(self) -> None:
        assert self._firmware is not None
        if not self._is_up and self._boot_failure is None:
            self._boot_settled()
        status = self._forget_firmware(self._firmware).wait()
        if status == Exit.POWER_CUT:
            self._log.info("power cut")
            RetainedMemory.lose_power(self.settings.flash_directory)
            self._start(ResetReason.POWER_ON)
        elif self._is_up:
            self._start(ResetReason.SOFTWARE if status == Exit.SOFTWARE_RESET else ResetReason.FAULT)
        else:
            self._fail()

    def _fail(self) -> None:
        self.failure = TinyopsError(
            self._boot_failure or f"the firmware of the board in {self.settings.directory} does not boot",
            remedy=f"read the end of {self.settings.log}",
        )
        self._log.info("failed: %s", self.failure.message)
        self._call_waiting()

    def _call_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def _forget_firmware(self, firmware: FirmwareProcess) -> FirmwareProcess:
        self._loop.forget(firmware.uart)
        self._loop.forget(firmware.ready)
        self._firmware = None
        return firmware
