"""The firmware: boots, then answers SMP on its UART until it resets."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from enum import IntEnum

from smp.header import GroupId

from edge_deployer.tensors import Array
from edge_deployer.virtual_board.boot import boot
from edge_deployer.virtual_board.firmware_faults import FirmwareFaults, InjectedReset
from edge_deployer.virtual_board.flash import PowerCut
from edge_deployer.virtual_board.image_group import ImageGroup
from edge_deployer.virtual_board.image_upload import ImageUpload
from edge_deployer.virtual_board.inference_group import InferenceGroup
from edge_deployer.virtual_board.ledger import Count, Ledger
from edge_deployer.virtual_board.model import Fault, LoadedModel
from edge_deployer.virtual_board.os_group import OsGroup
from edge_deployer.virtual_board.partitions import Flash
from edge_deployer.virtual_board.retained import RetainedMemory
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.virtual_board.smp_server import Handlers, SmpServer
from edge_deployer.virtual_board.spare_slot import SpareSlot
from edge_deployer.virtual_board.stat_group import StatGroup
from edge_deployer.virtual_board.supply import FlashSupply
from edge_deployer.wire.inference import GROUP, Codec, ResetReason
from edge_deployer.wire.mcuboot import McubootImage

_log = logging.getLogger(__name__)
_UART_CHUNK = 4096


class Exit(IntEnum):
    """How the firmware's process ends; the line process starts it again with the reset reason that follows."""

    POWER_OFF = 0
    SOFTWARE_RESET = 42
    FAULT = 43
    POWER_CUT = 44


class Firmware:
    """One run of the firmware, from reset to reset, at its end of a UART.

    Raises:
        PowerCut: power went while it booted.
        TinyopsError: the flash file is not this board's.
    """

    def __init__(self, settings: BoardSettings, uart: socket.socket, ledger: Ledger, reset_reason: ResetReason) -> None:
        profile = settings.profile
        supply = FlashSupply(ledger, profile if settings.realtime else None)
        flash = Flash(settings.flash_directory, profile.slot_bytes, profile.page_bytes, supply)
        self._retained = RetainedMemory(settings.flash_directory)
        image = boot(flash, settings.public_keys)
        _log.info("running %s after %s", image.version if image else "without an image", reset_reason.name.lower())
        self._settings, self._uart, self._ledger, self._framing = settings, uart, ledger, settings.framing
        self._decoder = self._framing.decoder(profile.smp_buffer_bytes)
        self._faults = FirmwareFaults(ledger, uart)
        self._os = OsGroup(profile, settings.directory.name)
        groups = self._groups(image, flash, supply, reset_reason)
        self._server = SmpServer(self._faults.lying(groups), profile.smp_buffer_bytes, self._framing)

    def _groups(
        self, image: McubootImage | None, flash: Flash, supply: FlashSupply, reset_reason: ResetReason
    ) -> dict[int, Handlers]:
        profile, spare = self._settings.profile, SpareSlot(flash)
        inference = InferenceGroup(image, profile, flash, self._retained, reset_reason, self._execute)
        codecs = tuple(Codec) if profile.compressed_upload else (Codec.STORED,)
        return {
            GroupId.OS_MANAGEMENT: self._os.handlers,
            GroupId.IMAGE_MANAGEMENT: ImageGroup(flash, spare).handlers,
            GroupId.STATISTICS_MANAGEMENT: StatGroup({"smp": self._statistics, "flash": supply.statistics}).handlers,
            GROUP: {**inference.handlers, **ImageUpload(spare, profile.smp_buffer_bytes, codecs).handlers},
        }

    def run(self, ready: Callable[[], None]) -> Exit:
        """Serve until power goes, a reset is asked for, or TFLM crashes; `ready` is called before the first request."""
        ready()
        try:
            for message in self._messages():
                self._serve(message)
                if self._os.reset_requested:
                    return Exit.SOFTWARE_RESET
        except Fault as fault:
            _log.info("fault: %s", fault)
            self._retained.record_fault(str(fault))
            return Exit.FAULT
        except InjectedReset:
            return Exit.SOFTWARE_RESET
        except PowerCut:
            return Exit.POWER_CUT
        return Exit.POWER_OFF

    def _execute(self, model: LoadedModel, samples: Array) -> Array:
        """Run a batch, in the board's own time, under the plan's faults."""
        done = time.monotonic() + len(samples) * model.microseconds / 1e6
        self._faults.before_inference(model, len(samples))
        outputs = model.run(samples)
        if self._settings.realtime:
            time.sleep(max(0.0, done - time.monotonic()))
        return self._faults.outputs(outputs)

    def _serve(self, message: bytes) -> None:
        self._faults.before_request()
        answer = self._server.answer(message)
        # The line process goes by this count: what is not done with still fills the buffers.
        self._ledger.add(Count.UART_READ, self._framing.encoded_length(len(message)))
        self._faults.after_request()
        if answer is not None:
            self._faults.answer(self._framing.encode(answer))

    def _messages(self) -> Iterator[bytes]:
        received = 0
        while data := self._receive():
            received += len(data)
            yield from self._decoder.feed(data)
            self._ledger[Count.UART_READ] = received

    def _receive(self) -> bytes:
        """The next bytes, b"" when power goes; a silence ends a message that its framing cannot find the end of."""
        try:
            data = self._uart.recv(_UART_CHUNK)
        except TimeoutError:
            self._decoder.reset()
            self._uart.settimeout(None)
            data = self._uart.recv(_UART_CHUNK)
        if self._framing.silence_s is not None:
            self._uart.settimeout(self._framing.silence_s)
        return data

    def _statistics(self) -> dict[str, int]:
        return {
            "requests": self._server.requests,
            "answers": self._server.answers,
            "garbled": self._decoder.garbled,
            "overruns": self._ledger[Count.OVERRUNS],
        }
