"""Loading, sizing and running a model in TFLM."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
from typing_extensions import Self

from edge_deployer.tensors import Array, TensorSpec
from edge_deployer.tflm import remedies
from edge_deployer.tflm.child import ChildDied, TflmChild
from edge_deployer.tflm.diagnosis import arena_used, diagnose, explain_failed_run, failed_operator, missing_operator
from edge_deployer.tflm.errors import InferenceCrashed, ModelRefused, Reason
from edge_deployer.tflm.frames import Header
from edge_deployer.tflm.kernels import KERNELS
from edge_deployer.tflm.model_file import require_identifier
from edge_deployer.tflm.operators import list_operators
from edge_deployer.tflm.start import Start, spawned

_LOAD_DEADLINE_S = 60.0
_SAMPLE_DEADLINE_S = 5.0


def _spec(header: Header) -> TensorSpec:
    return TensorSpec(header["dtype"], tuple(header["shape"]), header["scale"], header["zero_point"])


def _refusal(child: TflmChild, model: bytes, arena_bytes: int, died: str | None) -> ModelRefused:
    text, remedy = child.written_to_stderr(), None
    reason, message = diagnose(text, died=died)
    missing, failed = missing_operator(text), failed_operator(text)
    if missing == "CUSTOM":
        custom = sorted({found.name for found in list_operators(model) if found.custom and found.name not in KERNELS})
        message = f"TFLM has no kernel for the model's custom operator {', '.join(map(repr, custom))}"
        remedy = "; ".join(map(remedies.without_kernel, custom))
    elif missing is not None:
        remedy = remedies.without_kernel(missing)
    elif reason is Reason.ARENA_TOO_SMALL:
        message = f"the model does not fit an arena of {arena_bytes} bytes ({message})"
    elif reason is Reason.PREPARE_FAILED and failed is not None:
        remedy = remedies.not_prepared(*failed)
    return ModelRefused(reason, message, remedy=remedy)


def _load(child: TflmChild, model: bytes, arena_bytes: int) -> Header:
    """Have the child load the model, or say why it cannot."""
    require_identifier(model)
    request = {"command": "load", "arena_bytes": arena_bytes}
    try:
        reply, _ = child.ask(request, model, deadline_s=_LOAD_DEADLINE_S)
    except ChildDied as death:
        raise _refusal(child, model, arena_bytes, str(death)) from death
    if reply.get("failed") == "not a model":
        raise ModelRefused(Reason.NOT_A_MODEL, f"the TFLite model is damaged: {reply['text']}")
    if "failed" in reply:
        raise _refusal(child, model, arena_bytes, None)
    _check_tensors(reply)
    return reply


def _check_tensors(reply: Header) -> None:
    for side in ("input", "output"):
        if not reply[f"one_{side}"]:
            raise ModelRefused(Reason.WRONG_TENSORS, f"the model has more than one {side}")
    shape = reply["input"]["shape"]
    if shape[:1] != [1]:
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model's input {shape} has no batch dimension of 1")


class TflmRunner:
    """A model loaded in TFLM, in a process of its own.

    Attributes:
        input: the model's only input tensor.
        output: its only output tensor.
        arena_bytes: size of the arena.
        arena_used: bytes of the arena TFLM reports after a first invoke (64-bit host; a board's own figure differs).

    Raises:
        ModelRefused: TFLM cannot load the model.
        TinyopsError: TFLM is not installed.
    """

    def __init__(self, model: bytes, *, arena_bytes: int, start: Start = spawned) -> None:
        self._model = model
        with ExitStack() as on_failure:
            self._child = TflmChild(start)
            on_failure.callback(self.close)
            self._load(arena_bytes)
            on_failure.pop_all()

    def _load(self, arena_bytes: int) -> None:
        reply = _load(self._child, self._model, arena_bytes)
        self.input = _spec(reply["input"])
        self.output = _spec(reply["output"])
        self.arena_used = arena_used(self._child.written_to_stderr())
        self.arena_bytes = arena_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the runner is of no use afterwards."""
        self._child.close()

    def send_signal(self, number: int) -> None:
        """Send the process a signal, e.g. to have it crash in the next run."""
        self._child.send_signal(number)

    def shrink(self) -> int:
        """Load the model again in the least arena, to the byte, in which it loads and runs a sample; the arena's bytes.

        TFLM's own figure (`arena_used`) can be below it. Mostly it is not, so the search begins there, and goes on from
        it in steps that double; what is left in between is bisected. Each attempt is a process of its own.

        Raises:
            ModelRefused: TFLM died of it.
        """
        too_small, fits = 0, self.arena_bytes
        tried, step = self.arena_used, 1
        while fits - too_small > 1:
            if not too_small < tried < fits:
                tried, step = (too_small + fits) // 2, fits
            reply, _ = self._child.ask({"command": "fits", "arena_bytes": tried}, deadline_s=2 * _LOAD_DEADLINE_S)
            if reply["fits"]:
                fits, tried = tried, tried - step
            else:
                too_small, tried = tried, tried + step
            step *= 2
        self._load(fits)
        return fits

    def run(self, inputs: Array) -> Array:
        """Run samples, each from the state the model has after loading.

        Args:
            inputs: stored values, shape ``(n, *input.shape[1:])``, dtype ``input.dtype``.

        Returns:
            Array ``(n, *output.shape[1:])`` of ``output.dtype``; ``(n, *output.shape)`` for an output without a
            batch dimension.

        Raises:
            ValueError: shape or dtype of `inputs` is not the model's.
            InferenceCrashed: TFLM failed or died on a sample.
        """
        expected = self.input.sample_shape
        if inputs.shape[1:] != expected or inputs.dtype.name != self.input.dtype:
            raise ValueError(f"inputs are {inputs.dtype.name}{inputs.shape}, the model takes {self.input.describe()}")
        samples = len(inputs)
        try:
            reply, payload = self._child.ask(
                {"command": "run", "samples": samples},
                np.ascontiguousarray(inputs).tobytes(),
                deadline_s=_LOAD_DEADLINE_S + _SAMPLE_DEADLINE_S * samples,
            )
        except ChildDied as death:
            raise InferenceCrashed(f"TFLM died ({death}) while it ran {samples} samples", remedy="") from death
        if "failed" in reply:
            text = self._child.written_to_stderr()
            failed = failed_operator(text)
            remedy = remedies.not_run(failed[0]) if failed else ""
            raise InferenceCrashed(f"TFLM: {explain_failed_run(text)}", remedy=remedy)
        return np.frombuffer(payload, self.output.dtype).reshape(samples, *self.output.sample_shape)
