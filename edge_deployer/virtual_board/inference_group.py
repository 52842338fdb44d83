"""SMP group 65 on the board. Specified in ``docs/inference-group.md``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from smp.error import MGMT_ERR

from edge_deployer.profile import BoardProfile
from edge_deployer.tensors import Array
from edge_deployer.tflm import ModelRefused, Reason
from edge_deployer.virtual_board.group_errors import refuse, require_epoch
from edge_deployer.virtual_board.model import LoadedModel, load_model
from edge_deployer.virtual_board.partitions import Flash
from edge_deployer.virtual_board.retained import RetainedMemory
from edge_deployer.virtual_board.smp_server import Fields, GeneralError, Handlers, Request
from edge_deployer.wire.inference import (
    BYTES_PER_TIME,
    MAX_BATCH,
    REVISION,
    RUN_REPLY_OVERHEAD,
    Capability,
    ClaimWriteRequest,
    Command,
    ErrorCode,
    InfoReadRequest,
    ResetReason,
    RunReadRequest,
    RunWriteRequest,
    TensorMap,
    crc32,
)
from edge_deployer.wire.mcuboot import McubootImage

_REFUSALS = {
    Reason.NOT_A_MODEL: ErrorCode.NO_MODEL,
    Reason.ARENA_TOO_SMALL: ErrorCode.ARENA_TOO_SMALL,
    Reason.UNSUPPORTED_OP: ErrorCode.UNSUPPORTED_OP,
}
_ABILITIES = {"rev": REVISION, "caps": int(Capability.FENCE | Capability.PAGES)}
Execute = Callable[[LoadedModel, Array], Array]
"""Runs a batch, as `LoadedModel.run` does."""


@dataclass
class _Batch:
    """A batch of inputs on its way in, and its outputs once it has run."""

    length: int
    samples: int
    crc: int
    inputs: bytearray
    epoch: int  # That held the board when it began.
    outputs: bytes | None = None

    def is_asked_again(self, chunk: RunWriteRequest, held: int) -> bool:
        """Whether a first chunk without data asks to run this batch, which has run, once more."""
        is_this = (chunk.len, chunk.n, chunk.crc) == (self.length, self.samples, self.crc)
        return not chunk.data and is_this and self.outputs is not None and self.epoch == held


class InferenceGroup:
    """The inference group, of the running image if there is one."""

    def __init__(
        self,
        image: McubootImage | None,
        profile: BoardProfile,
        flash: Flash,
        retained: RetainedMemory,
        reset_reason: ResetReason,
        execute: Execute,
    ) -> None:
        self._image, self._profile, self._flash, self._retained = image, profile, flash, retained
        self._reset_reason, self._started = reset_reason, time.monotonic()
        self._execute = execute
        self._model: LoadedModel | None = None
        self._refusal: ModelRefused | None = None
        self._batch: _Batch | None = None
        self.handlers: Handlers = {
            (Command.INFO, False): self._info,
            (Command.RUN, True): self._take_chunk,
            (Command.RUN, False): self._read_outputs,
            (Command.HEALTH, False): self._health,
            (Command.CLAIM, False): self._read_claim,
            (Command.CLAIM, True): self._claim,
        }

    def _loaded(self) -> tuple[McubootImage, LoadedModel]:
        """The running image and its model.

        Raises:
            GroupError: there is none, or TFLM refuses it.
            Fault: TFLM crashed.
        """
        if self._image is None:
            raise refuse(ErrorCode.NO_MODEL)
        if self._model is None and self._refusal is None:
            try:
                self._model = load_model(self._image.payload, self._profile)
            except ModelRefused as refusal:
                self._refusal = refusal
        if self._model is None:
            assert self._refusal is not None
            raise refuse(_REFUSALS.get(self._refusal.reason, ErrorCode.MODEL_REFUSED))
        return self._image, self._model

    def _info(self, request: Request) -> Fields:
        revision = InfoReadRequest.loads(request.message).rev or 1
        image, model = self._loaded()
        return {
            "sha": image.hash,
            "arena": model.runner.arena_used,
            "arena_size": self._profile.arena_bytes,
            **({} if model.macs is None else {"macs": model.macs}),
            "input": TensorMap.from_spec(model.runner.input).model_dump(exclude_none=True),
            "output": TensorMap.from_spec(model.runner.output).model_dump(exclude_none=True),
            # Clients of revision 1 refuse an answer with fields that they do not know.
            **(_ABILITIES if revision > 1 else {}),
        }

    def _take_chunk(self, request: Request) -> Fields:
        chunk, held = RunWriteRequest.loads(request.message), self._flash.epoch.value
        if chunk.off == 0:
            require_epoch(chunk.epoch, held)
        image, model = self._loaded()
        if chunk.off == 0:
            if chunk.sha is not None and not image.hash.startswith(chunk.sha):
                raise refuse(ErrorCode.WRONG_MODEL)
            if self._batch is not None and self._batch.is_asked_again(chunk, held):
                self._batch.outputs = self._run(self._batch, model)
                return self._result(self._batch, model, self._batch.outputs)
            self._batch = _start_batch(chunk, model, held)
        batch = self._batch
        if batch is None or batch.epoch != held:
            return {"off": 0}
        received = len(batch.inputs)
        if batch.outputs is not None and chunk.off + len(chunk.data) == batch.length:
            return self._result(batch, model, batch.outputs)
        if chunk.off != received:
            return {"off": received}
        if received + len(chunk.data) > batch.length:
            raise refuse(ErrorCode.INPUT_LENGTH)
        batch.inputs += chunk.data
        if len(batch.inputs) < batch.length:
            return {"off": len(batch.inputs)}
        batch.outputs = self._run(batch, model)
        return self._result(batch, model, batch.outputs)

    def _run(self, batch: _Batch, model: LoadedModel) -> bytes:
        if crc32(bytes(batch.inputs)) != batch.crc:
            self._batch = None
            raise refuse(ErrorCode.INPUT_CRC)
        shape = (batch.samples, *model.runner.input.sample_shape)
        samples = np.frombuffer(batch.inputs, model.runner.input.dtype).reshape(shape)
        return self._execute(model, samples).tobytes()

    def _result(self, batch: _Batch, model: LoadedModel, outputs: bytes) -> Fields:
        room = self._profile.smp_buffer_bytes - RUN_REPLY_OVERHEAD - BYTES_PER_TIME * batch.samples
        return {
            "off": batch.length,
            "len": len(outputs),
            "crc": crc32(outputs),
            "icrc": batch.crc,
            "us": [model.microseconds] * batch.samples,
            "data": outputs[: max(0, room)],
        }

    def _read_outputs(self, request: Request) -> Fields:
        offset = RunReadRequest.loads(request.message).off
        batch = self._batch
        if batch is None or batch.outputs is None or batch.epoch != self._flash.epoch.value:
            raise refuse(ErrorCode.NO_RESULT)
        room = self._profile.smp_buffer_bytes - RUN_REPLY_OVERHEAD
        return {"off": offset, "data": batch.outputs[offset : offset + room]}

    def _health(self, _: Request) -> Fields:
        fields: dict[str, object] = {
            "reset": self._reset_reason.value,
            "up": int((time.monotonic() - self._started) * 1000),
            "faults": self._retained.faults,
            "floor": self._flash.security_floor.value,
        }
        text = self._refusal.message if self._refusal else self._retained.last_fault
        if text is not None:
            fields["fault"] = _shorten(text, self._profile.smp_buffer_bytes - RUN_REPLY_OVERHEAD)
        return fields

    def _read_claim(self, _: Request) -> Fields:
        return {"epoch": self._flash.epoch.value, **_ABILITIES}

    def _claim(self, request: Request) -> Fields:
        epoch = ClaimWriteRequest.loads(request.message).epoch
        require_epoch(epoch, self._flash.epoch.value)
        self._flash.epoch.raise_to(epoch)
        return {"epoch": epoch}


def _start_batch(chunk: RunWriteRequest, model: LoadedModel, epoch: int) -> _Batch:
    if chunk.len is None or chunk.n is None or chunk.crc is None:
        raise GeneralError(MGMT_ERR.EINVAL)
    if chunk.n > MAX_BATCH:
        raise refuse(ErrorCode.BATCH_TOO_BIG)
    if chunk.len != chunk.n * model.runner.input.nbytes:
        raise refuse(ErrorCode.INPUT_LENGTH)
    return _Batch(chunk.len, chunk.n, chunk.crc, bytearray(), epoch)


def _shorten(text: str, room: int) -> str:
    """As much of a text as fits into `room` bytes of UTF-8."""
    return text.encode()[:room].decode(errors="ignore")
