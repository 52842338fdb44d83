"""The firmware: boots, then answers SMP on its UART until it resets."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from enum import IntEnum

from smp.header import GroupId

from edge_deployer.virtual_board.boot import boot
from edge_deployer.virtual_board.flash import Flash
from edge_deployer.virtual_board.image_group import ImageGroup
from edge_deployer.virtual_board.inference_group import InferenceGroup
from edge_deployer.virtual_board.model import Fault
from edge_deployer.virtual_board.os_group import OsGroup
from edge_deployer.virtual_board.retained import RetainedMemory
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.virtual_board.smp_server import SmpServer
from edge_deployer.wire.console import Decoder, encode
from edge_deployer.wire.inference import GROUP, ResetReason

_log = logging.getLogger(__name__)
_UART_CHUNK = 4096


class Exit(IntEnum):
    """How the firmware's process ends; the line process starts it again with the reset reason that follows."""

    POWER_OFF = 0
    SOFTWARE_RESET = 42
    FAULT = 43


class Firmware:
    """One run of the firmware, from reset to reset.

    Args:
        settings: the board.
        uart: the firmware's end of the UART.
        reset_reason: why it starts.
    """

    def __init__(self, settings: BoardSettings, uart: socket.socket, reset_reason: ResetReason) -> None:
        profile = settings.profile
        flash = Flash(settings.flash_directory, profile.slot_bytes)
        self._retained = RetainedMemory(settings.flash_directory)
        image = boot(flash, settings.public_key)
        _log.info("running %s after %s", image.version if image else "without an image", reset_reason.name.lower())
        self._uart = uart
        self._decoder = Decoder(profile.smp_buffer_bytes)
        self._os = OsGroup(profile.smp_buffer_bytes)
        groups = {
            GroupId.OS_MANAGEMENT: self._os.handlers,
            GroupId.IMAGE_MANAGEMENT: ImageGroup(flash).handlers,
            GROUP: InferenceGroup(image, profile, flash, self._retained, reset_reason).handlers,
        }
        self._server = SmpServer(groups, profile.smp_buffer_bytes)

    def run(self, ready: Callable[[], None]) -> Exit:
        """Serve until power goes, a reset is asked for, or TFLM crashes.

        Args:
            ready: called once before the first request is waited for.
        """
        ready()
        while data := self._uart.recv(_UART_CHUNK):
            for message in self._decoder.feed(data):
                try:
                    answer = self._server.answer(message)
                except Fault as fault:
                    _log.info("fault: %s", fault.text)
                    self._retained.record_fault(fault.text)
                    return Exit.FAULT
                if answer is not None:
                    self._uart.sendall(encode(answer))
                if self._os.reset_requested:
                    return Exit.SOFTWARE_RESET
        return Exit.POWER_OFF
