"""Asking the board's model: a request that a crash leaves without an answer must not be repeated for ever."""

from __future__ import annotations

import time
from typing import TypeVar

import numpy as np
from smp.message import ReadResponse, WriteResponse
from smpclient.generics import SMPRequest

from edge_deployer.session.errors import BoardGone, BoardRefused, LineError, ModelFault, ProtocolError, WrongInputs
from edge_deployer.session.facts import DeviceInfo, Health, InferenceResult
from edge_deployer.session.line import NoReply, SmpLine
from edge_deployer.session.requests import HealthRead, InfoRead, RunRead, RunWrite
from edge_deployer.tensors import Array, TensorSpec
from edge_deployer.wire.inference import (
    GROUP,
    MAX_BATCH,
    ErrorCode,
    HealthReadResponse,
    InferenceErrorV1,
    InferenceErrorV2,
    ResetReason,
    RunWriteResponse,
    crc32,
)

_Response = TypeVar("_Response", bound=ReadResponse | WriteResponse)
_CANNOT_LOAD = {
    ErrorCode.NO_MODEL,
    ErrorCode.ARENA_TOO_SMALL,
    ErrorCode.UNSUPPORTED_OP,
    ErrorCode.MODEL_REFUSED,
}
# A slow core with a big model may compute for a minute.
_PATIENCE_S = 120.0
_MOST_REPEATS = 5
_CBOR_LENGTH_BYTES = 2
_UINT32_MAX = 0xFFFFFFFF


class ModelRunner:
    """Runs the board's model.

    Args:
        line: the board.
    """

    def __init__(self, line: SmpLine) -> None:
        self._line = line
        self._info: DeviceInfo | None = None
        self._known_faults: int | None = None

    def forget(self) -> None:
        """The board may run another model from now on."""
        self._info = None

    async def health(self) -> Health:
        """See `DeviceSession.health`."""
        return self._remember(await self._line.ask(HealthRead(), "tell its health"))

    async def uptime_s(self, *, timeout_s: float) -> float | None:
        """Seconds since the board started; None if it does not say in time."""
        try:
            answer = await self._line.ask_once(HealthRead(), "tell its health", timeout_s)
        except NoReply:
            return None
        return self._remember(answer).uptime_ms / 1000

    def _remember(self, answer: HealthReadResponse) -> Health:
        try:
            reason = ResetReason(answer.reset)
        except ValueError as error:
            raise ProtocolError(self._line.url, f"gives reset reason {answer.reset}, which is none") from error
        self._known_faults = answer.faults
        return Health(reason, answer.up, answer.faults, answer.fault)

    async def info(self) -> DeviceInfo:
        """See `DeviceSession.info`."""
        answer = await self._ask(InfoRead(), "describe its model")
        try:
            tensors = answer.input.to_spec(), answer.output.to_spec()
        except ValueError as error:
            raise ProtocolError(self._line.url, f"describes a model that cannot be: {error}") from error
        self._info = DeviceInfo(
            image_hash=answer.sha,
            arena_used=answer.arena,
            arena_bytes=answer.arena_size,
            macs=answer.macs,
            input=tensors[0],
            output=tensors[1],
        )
        return self._info

    async def infer(self, inputs: Array) -> InferenceResult:
        """See `DeviceSession.infer`."""
        info = self._info or await self.info()
        if inputs.shape[1:] != info.input.sample_shape or inputs.dtype.name != info.input.dtype:
            given = f"{inputs.dtype.name}{list(inputs.shape)}"
            raise WrongInputs(self._line.url, given, info.input.describe())
        outputs, times = bytearray(), list[int]()
        batch = self._batch_size(info.input)
        for start in range(0, len(inputs), batch):
            samples = np.ascontiguousarray(inputs[start : start + batch])
            batch_outputs, batch_times = await self._run_batch(samples)
            self._check_result(batch_outputs, batch_times, len(samples), info.output)
            outputs += batch_outputs
            times += batch_times
        shape = (len(inputs), *info.output.sample_shape)
        return InferenceResult(
            np.frombuffer(bytes(outputs), info.output.dtype).reshape(shape), np.array(times, np.int64)
        )

    def _check_result(self, outputs: bytes, times: list[int], samples: int, spec: TensorSpec) -> None:
        if len(outputs) != samples * spec.nbytes:
            raise ProtocolError(
                self._line.url,
                f"gives {len(outputs)} bytes of outputs for {samples} samples of {spec.describe()}, "
                f"{samples * spec.nbytes} bytes",
            )
        if len(times) != samples or not all(0 <= time_us <= _UINT32_MAX for time_us in times):
            raise ProtocolError(self._line.url, f"gives the times {times} in microseconds for {samples} samples")

    def _batch_size(self, spec: TensorSpec) -> int:
        """As many samples as fit one message; a sample that does not fit goes alone, in chunks."""
        return max(1, min(MAX_BATCH, self._room(first=True) // spec.nbytes))

    def _room(self, *, first: bool) -> int:
        """Bytes of data in one run request."""
        if first:
            empty = RunWrite(off=0, data=b"", len=_UINT32_MAX, n=MAX_BATCH, crc=_UINT32_MAX)
        else:
            empty = RunWrite(off=_UINT32_MAX, data=b"")
        return self._line.longest_message - len(empty.BYTES) - _CBOR_LENGTH_BYTES

    async def _run_batch(self, batch: Array) -> tuple[bytes, list[int]]:
        """Run one batch; again from the start where its CRC says that the line garbled it."""
        for _ in range(_MOST_REPEATS):
            try:
                answer = await self._send_inputs(batch.tobytes(), len(batch))
                outputs = await self._fetch_outputs(answer)
            except BoardRefused as refusal:
                if (refusal.group, refusal.code) in {(GROUP, ErrorCode.INPUT_CRC), (GROUP, ErrorCode.NO_RESULT)}:
                    continue
                raise
            if crc32(outputs) == answer.crc and answer.us is not None:
                return outputs, answer.us
        raise LineError(self._line.url, f"inputs or outputs arrived damaged {_MOST_REPEATS} times in a row")

    async def _send_inputs(self, inputs: bytes, samples: int) -> RunWriteResponse:
        """Send all chunks; the answer to the last one."""
        offset, repeats = 0, 0
        while repeats <= _MOST_REPEATS:
            data = inputs[offset : offset + self._room(first=offset == 0)]
            if offset == 0:
                request = RunWrite(off=0, data=data, len=len(inputs), n=samples, crc=crc32(inputs))
            else:
                request = RunWrite(off=offset, data=data)
            answer = await self._ask(request, "run the model")
            if answer.us is not None:
                return answer
            if not 0 <= answer.off <= len(inputs):
                raise ProtocolError(self._line.url, f"has {answer.off} bytes of {len(inputs)} bytes of inputs")
            repeats = repeats + 1 if answer.off <= offset else 0
            offset = answer.off
        raise LineError(self._line.url, f"inputs do not get beyond byte {offset} of {len(inputs)}")

    async def _fetch_outputs(self, answer: RunWriteResponse) -> bytes:
        outputs = answer.data or b""
        while len(outputs) < (answer.len or 0):
            more = await self._ask(RunRead(off=len(outputs)), "give the model's outputs")
            if not more.data or more.off != len(outputs):
                break
            outputs += more.data
        return outputs

    async def _ask(self, request: SMPRequest[_Response, InferenceErrorV1, InferenceErrorV2], what: str) -> _Response:
        """Ask something that may crash the board or take it long.

        Without an answer the board's health decides: a new fault is the model's, and the request is not repeated.
        A board that was merely slow gets twice the time it took.

        Raises:
            ModelFault: the model crashed or cannot be loaded.
            SessionError: see `SmpLine.ask`.
        """
        if self._known_faults is None:
            await self.health()
        timeout_s, began = self._line.timeout_s, time.monotonic()
        while time.monotonic() - began < _PATIENCE_S:
            sent = time.monotonic()
            try:
                return await self._line.ask_once(request, what, timeout_s)
            except NoReply:
                await self._raise_on_fault()
            except BoardRefused as refusal:
                await self._raise_if_unloadable(refusal)
                raise
            timeout_s = max(timeout_s, 2 * (time.monotonic() - sent))
        raise BoardGone(self._line.url, f"asked to {what}, but no answer in {_PATIENCE_S:.0f} s")

    async def _raise_on_fault(self) -> None:
        known = self._known_faults or 0
        health = await self.health()
        if health.reset_reason is ResetReason.FAULT and health.faults > known:
            self.forget()
            raise ModelFault(
                self._line.url,
                f"the model crashed and the board reset: {health.last_fault}",
                reset_reason=health.reset_reason,
            )

    async def _raise_if_unloadable(self, refusal: BoardRefused) -> None:
        if refusal.group != GROUP or refusal.code not in _CANNOT_LOAD:
            return
        health = await self.health()
        detail = f": {health.last_fault}" if health.last_fault else ""
        message = refusal.message.removeprefix(f"board at {self._line.url}: ")
        raise ModelFault(self._line.url, message + detail, reset_reason=health.reset_reason) from refusal
