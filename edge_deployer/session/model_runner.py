"""Asking the board's model: a request that a crash leaves without an answer must not be repeated for ever."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

import numpy as np
from smp.message import ReadResponse, WriteResponse
from smpclient.generics import SMPRequest

from edge_deployer.session.claim import Claim
from edge_deployer.session.errors import BoardGone, BoardRefused, LineError, ModelFault, ProtocolError, WrongInputs
from edge_deployer.session.facts import DeviceInfo, Health, InferenceResult
from edge_deployer.session.line import SmpLine
from edge_deployer.session.replies import NoReply
from edge_deployer.session.transfer import Payload, Transfer
from edge_deployer.tensors import Array, TensorSpec
from edge_deployer.wire.inference import (
    BYTES_PER_TIME,
    GROUP,
    IMAGE_MARK_BYTES,
    MAX_BATCH,
    RUN_REPLY_OVERHEAD,
    ErrorCode,
    HealthReadRequest,
    HealthReadResponse,
    InferenceErrorV1,
    InferenceErrorV2,
    InfoReadRequest,
    ResetReason,
    RunReadRequest,
    RunWriteRequest,
    RunWriteResponse,
    crc32,
)

_Response = TypeVar("_Response", bound=ReadResponse | WriteResponse)
_CANNOT_LOAD = {ErrorCode.NO_MODEL, ErrorCode.ARENA_TOO_SMALL, ErrorCode.UNSUPPORTED_OP, ErrorCode.MODEL_REFUSED}
# A slow core with a big model may compute for a minute.
_PATIENCE_S = 120.0
# How long one inference may keep a board from answering anything.
_BUSY_PATIENCE_S = 30.0
_LONGEST_BATCH_S = 1.0
_MOST_REPEATS = 5
_CBOR_LENGTH_BYTES = 2
_UINT32_MAX = 0xFFFFFFFF
_WHAT = "run the model"
_BatchResult = tuple[bytes, list[int]]


class ModelRunner:
    """Runs the board's model."""

    def __init__(self, line: SmpLine, epoch: int | None = None, *, epoch_is_new: bool = False) -> None:
        self._line, self._claim = line, Claim(line, epoch, is_new=epoch_is_new)
        self._info: DeviceInfo | None = None
        self._known_faults: int | None = None
        self._sample_s: float | None = None

    def _forget(self) -> None:
        """The board may run another model from now on."""
        self._info = self._sample_s = None

    async def health(self) -> Health:
        """Reset reason, uptime and faults."""
        return self._remember(await self._line.ask(HealthReadRequest(), "tell its health"))

    async def _uptime_s(self, timeout_s: float) -> float | None:
        """Seconds since the board started; None if it does not say in time."""
        try:
            answer = await self._line.ask_once(HealthReadRequest(), "tell its health", timeout_s)
        except NoReply:
            return None
        return self._remember(answer).uptime_ms / 1000

    def _remember(self, answer: HealthReadResponse) -> Health:
        try:
            reason = ResetReason(answer.reset)
        except ValueError as error:
            raise ProtocolError(self._line.url, f"gives reset reason {answer.reset}, which is none") from error
        self._known_faults = answer.faults
        return Health(reason, answer.up, answer.faults, answer.fault, answer.floor or 0)

    async def info(self) -> DeviceInfo:
        """The running model, as the board sees it.

        Raises:
            ModelFault: the model crashed or cannot be loaded.
        """
        async with self._claim.asking():
            answer = await self._ask(InfoReadRequest(), "describe its model")
        try:
            tensors = answer.input.to_spec(), answer.output.to_spec()
        except ValueError as error:
            raise ProtocolError(self._line.url, f"describes a model that cannot be: {error}") from error
        self._info = DeviceInfo(answer.sha, answer.arena, answer.arena_size, answer.macs, *tensors)
        return self._info

    async def infer(self, inputs: Array) -> InferenceResult:
        """Run samples on the board.

        Args:
            inputs: stored values ``(n, *input.shape[1:])`` of the input's dtype.

        Raises:
            WrongInputs: shape or dtype is not the model's.
            ProtocolError: the board's answer does not fit its own description of the model.
            ModelFault: the model crashed or cannot be loaded.
        """
        batches = [batch async for batch in self.infer_batches(inputs)]
        if not batches:
            return _result(b"", [], self._info or await self.info())
        return InferenceResult(
            np.concatenate([batch.outputs for batch in batches]),
            np.concatenate([batch.microseconds for batch in batches]),
        )

    async def infer_batches(self, inputs: Array) -> AsyncGenerator[InferenceResult, None]:
        """Run samples on the board, and have the answers as they come; close the generator to run no more.

        Arguments and errors as for `infer`. Batches are in the order of the samples; how long each is depends on the
        line. While one is looked at, the next ones are on their way, so that a few more samples run than are taken.
        """
        async with self._claim.asking(), aclosing(self._all_batches(inputs)) as batches:
            async for batch in batches:
                yield batch

    async def infer_repeatedly(self, inputs: Array, times: int) -> InferenceResult:
        """Run samples on the board, each batch so many times in a row and sent once, as long as the board keeps it.

        Args:
            inputs: see `infer`; at least one sample.
            times: at least 1.

        Returns:
            Outputs ``(times, n, ...)`` and microseconds ``(times, n)``.

        Raises:
            SessionError: see `infer`.
        """
        outputs, microseconds = [], []
        async with self._claim.asking():
            info = await self._info_for(inputs)
            done = 0
            while done < len(inputs):
                batch = np.ascontiguousarray(inputs[done : done + self._batch_size(info)])
                runs = [_result(*await self._run_alone(batch, info, again=run > 0), info) for run in range(times)]
                outputs.append(np.stack([run.outputs for run in runs]))
                microseconds.append(np.stack([run.microseconds for run in runs]))
                done += len(batch)
        return InferenceResult(np.concatenate(outputs, axis=1), np.concatenate(microseconds, axis=1))

    async def _info_for(self, inputs: Array) -> DeviceInfo:
        """What the board said of its model.

        Raises:
            WrongInputs: the samples do not suit it.
        """
        info = self._info or await self.info()
        if inputs.shape[1:] != info.input.sample_shape or inputs.dtype.name != info.input.dtype:
            given = f"{inputs.dtype.name}{list(inputs.shape)}"
            raise WrongInputs(self._line.url, given, info.input.describe())
        return info

    async def _all_batches(self, inputs: Array) -> AsyncGenerator[InferenceResult, None]:
        info = await self._info_for(inputs)
        done = 0
        while done < len(inputs):
            async with aclosing(self._run_ahead(inputs[done:], info)) as batches:
                async for outputs, times in batches:
                    done += len(times)
                    yield _result(outputs, times, info)
            if done < len(inputs):
                batch = np.ascontiguousarray(inputs[done : done + self._batch_size(info)])
                outputs, times = await self._run_alone(batch, info)
                done += len(times)
                yield _result(outputs, times, info)

    async def _run_ahead(self, inputs: Array, info: DeviceInfo) -> AsyncGenerator[_BatchResult, None]:
        """Run batches of one request and one answer, the next on its way while the board computes.

        Ends early at the first that is not answered well: `_run_alone` finds out why.
        """
        running: deque[asyncio.Task[_BatchResult]] = deque()
        start = 0
        try:
            while start < len(inputs) or running:
                batch = np.ascontiguousarray(inputs[start : start + self._batch_size(info)])
                has_room = len(running) < self._line.most_in_flight
                if has_room and len(batch) and self._fits_one_exchange(batch, info):
                    running.append(asyncio.create_task(self._run_once(batch, info)))
                    start += len(batch)
                elif running:
                    yield await running.popleft()
                else:
                    return
        except NoReply:
            # A board that crashed may answer again by now, as if nothing had happened.
            await self._raise_on_fault()
        except BoardRefused:
            return
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _fits_one_exchange(self, batch: Array, info: DeviceInfo) -> bool:
        """Whether request and answer are one message each; not known to pay before the board's speed is known."""
        reply = RUN_REPLY_OVERHEAD + len(batch) * (info.output.nbytes + BYTES_PER_TIME)
        fits = batch.nbytes <= self._room() and reply <= self._line.longest_message
        return fits and self._sample_s is not None

    def _check_result(self, outputs: bytes, times: list[int], samples: int, spec: TensorSpec) -> None:
        if len(outputs) != samples * spec.nbytes:
            raise ProtocolError(
                self._line.url,
                f"gives {len(outputs)} bytes of outputs for {samples} samples of {spec.describe()}, "
                f"{samples * spec.nbytes} bytes",
            )
        if len(times) != samples or not all(0 <= time_us <= _UINT32_MAX for time_us in times):
            raise ProtocolError(self._line.url, f"gives the times {times} in microseconds for {samples} samples")

    def _batch_size(self, info: DeviceInfo) -> int:
        """As many samples as fit one request and one answer and take a second; the first one goes alone."""
        if self._sample_s is None:
            return 1
        inputs = self._room() // info.input.nbytes
        outputs = (self._line.longest_message - RUN_REPLY_OVERHEAD) // (info.output.nbytes + BYTES_PER_TIME)
        in_time = int(_LONGEST_BATCH_S / self._sample_s) if self._sample_s else MAX_BATCH
        return max(1, min(MAX_BATCH, inputs, outputs, in_time))

    def _room(self) -> int:
        """Bytes of data in the first chunk of a run request."""
        mark = bytes(IMAGE_MARK_BYTES)
        empty = RunWriteRequest(
            off=0, data=b"", len=_UINT32_MAX, n=MAX_BATCH, crc=_UINT32_MAX, sha=mark, epoch=self._claim.mark
        )
        return self._line.best_message - len(empty.BYTES) - _CBOR_LENGTH_BYTES

    async def _run_once(self, batch: Array, info: DeviceInfo) -> _BatchResult:
        """Run a batch of one request and one answer.

        Raises:
            NoReply: no answer, or a damaged one.
            BoardRefused: the answer is an error.
        """
        data = batch.tobytes()
        reply_bytes = RUN_REPLY_OVERHEAD + len(batch) * (info.output.nbytes + BYTES_PER_TIME)
        timeout_s = self._compute_timeout_s(self._line.most_in_flight * len(batch))
        request = self._first_chunk(data, data, len(batch), info)
        answer = await self._line.ask_once(request, _WHAT, timeout_s, reply_bytes=reply_bytes)
        if not _answers(answer, data, answer.data or b"") or answer.us is None:
            raise NoReply(garbled=True)
        self._check_result(answer.data or b"", answer.us, len(batch), info.output)
        return answer.data or b"", answer.us

    def _first_chunk(self, data: bytes, inputs: bytes, samples: int, info: DeviceInfo) -> RunWriteRequest:
        mark, epoch = info.image_hash[:IMAGE_MARK_BYTES], self._claim.mark
        return RunWriteRequest(off=0, data=data, len=len(inputs), n=samples, crc=crc32(inputs), sha=mark, epoch=epoch)

    def _compute_timeout_s(self, samples: int) -> float:
        """How long the board may take over so many samples, going by the fastest so far."""
        if self._sample_s is None:
            return self._line.timeout_s
        return self._line.reply_timeout_s + 2 * samples * self._sample_s

    async def _run_alone(self, batch: Array, info: DeviceInfo, *, again: bool = False) -> _BatchResult:
        """Run a batch, if need be in chunks; from the start once more where a CRC says that the line garbled it.

        Args:
            batch: the samples.
            info: of the model.
            again: whether the board has just run them, and may have kept them.
        """
        data = batch.tobytes()
        for _ in range(_MOST_REPEATS):
            began = time.monotonic()
            try:
                answer = await self._send_inputs(data, len(batch), info, again)
                took_s = (time.monotonic() - began) / len(batch)
                outputs = await self._fetch_outputs(answer)
            except BoardRefused as refusal:
                may_have_been_damaged = (GROUP, ErrorCode.INPUT_CRC), (GROUP, ErrorCode.NO_RESULT)
                if not again and (refusal.group, refusal.code) not in may_have_been_damaged:
                    raise
            else:
                if _answers(answer, data, outputs) and answer.us is not None:
                    self._check_result(outputs, answer.us, len(batch), info.output)
                    self._sample_s = min(took_s, self._sample_s or took_s)
                    return outputs, answer.us
            # What the board has kept may be damaged, too.
            again = False
        raise LineError(self._line.url, f"inputs or outputs arrived damaged {_MOST_REPEATS} times in a row")

    async def _send_inputs(self, inputs: bytes, samples: int, info: DeviceInfo, again: bool) -> RunWriteResponse:
        """Send all chunks; the answer to the last one."""

        def chunk(offset: int, data: bytes) -> RunWriteRequest:
            if offset == 0:
                return self._first_chunk(data, inputs, samples, info)
            return RunWriteRequest(off=offset, data=data)

        if self._known_faults is None:
            await self.health()
        payload = Payload(
            inputs,
            chunk,
            _WHAT,
            "inputs",
            last_wait_s=self._compute_timeout_s(samples),
            last_patience_s=_PATIENCE_S,
            last_reply_bytes=RUN_REPLY_OVERHEAD + samples * (info.output.nbytes + BYTES_PER_TIME),
            may_be_there=again,
        )
        try:
            return await Transfer(self._line, payload, on_silence=self._raise_on_fault).run()
        except BoardRefused as refusal:
            await self._raise_if_unloadable(refusal)
            raise

    async def _fetch_outputs(self, answer: RunWriteResponse) -> bytes:
        outputs = answer.data or b""
        while len(outputs) < (answer.len or 0):
            more = await self._ask(RunReadRequest(off=len(outputs)), "give the model's outputs")
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
        """Find out why there is no answer: the board may be computing, too.

        Raises:
            ModelFault: the board had a fault since its health was last asked.
            SessionError: see `SmpLine.ask`.
        """
        known = self._known_faults or 0
        answer = await self._line.ask(HealthReadRequest(), "tell its health", patience_s=_BUSY_PATIENCE_S)
        health = self._remember(answer)
        if health.reset_reason is ResetReason.FAULT and health.faults > known:
            self._forget()
            raise ModelFault(
                self._line.url,
                f"the model crashed and the board reset: {health.last_fault}",
                reset_reason=health.reset_reason,
            )

    async def _raise_if_unloadable(self, refusal: BoardRefused) -> None:
        """Say more of a refusal that is about the model.

        Raises:
            ModelFault: the model cannot be loaded, or crashed and another image runs now.
        """
        if (refusal.group, refusal.code) == (GROUP, ErrorCode.WRONG_MODEL):
            self._forget()
            await self._raise_on_fault()
        if refusal.group != GROUP or refusal.code not in _CANNOT_LOAD:
            return
        health = await self.health()
        detail = f": {health.last_fault}" if health.last_fault else ""
        message = refusal.message.removeprefix(f"board at {self._line.url}: ")
        raise ModelFault(self._line.url, message + detail, reset_reason=health.reset_reason) from refusal


def _result(outputs: bytes, times: list[int], info: DeviceInfo) -> InferenceResult:
    shape = (len(times), *info.output.sample_shape)
    return InferenceResult(np.frombuffer(outputs, info.output.dtype).reshape(shape), np.array(times, np.int64))


def _answers(answer: RunWriteResponse, inputs: bytes, outputs: bytes) -> bool:
    """Whether a result is undamaged and of these inputs."""
    return answer.icrc == crc32(inputs) and answer.crc == crc32(outputs)
