"""The firmware in this process, with a UART that plays a script: for streams by the thousand."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterable
from typing import cast

from edge_deployer.virtual_board.firmware import Exit, Firmware
from edge_deployer.virtual_board.ledger import Ledger
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.wire.inference import ResetReason

SILENCE = None
"""In a script: no byte for longer than the framing's silence."""


class ScriptedUart:
    """As much of a socket as the firmware uses.

    Attributes:
        sent: what the firmware has sent.

    Args:
        script: portions of at most 4,096 bytes, and silences; then power goes.
    """

    def __init__(self, script: Iterable[bytes | None]) -> None:
        self.sent = bytearray()
        self._script = deque(script)
        self._timeout: float | None = None

    def __bool__(self) -> bool:
        """Whether the script goes on."""
        return bool(self._script)

    def recv(self, _: int) -> bytes:
        while self._script:
            portion = self._script.popleft()
            if portion:
                return portion
            if self._timeout is not None:
                raise TimeoutError
        return b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds


def play(settings: BoardSettings, script: Iterable[bytes | None]) -> tuple[bytes, list[Exit]]:
    """Start the firmware, and again after every reset, until the script ends.

    Returns:
        What it sent, and how each of its runs ended.
    """
    uart, reason = ScriptedUart(script), ResetReason.POWER_ON
    exits: list[Exit] = []
    ledger = Ledger(settings.faults)
    while uart or not exits:
        firmware = Firmware(settings, cast("socket.socket", uart), ledger, reason)
        exits.append(firmware.run(lambda: None))
        reason = ResetReason.SOFTWARE if exits[-1] is Exit.SOFTWARE_RESET else ResetReason.FAULT
    return bytes(uart.sent), exits
