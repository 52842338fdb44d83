"""The child process that holds a TFLM interpreter. Started by `edge_deployer.tflm.start`, ends when its stdin does."""

from __future__ import annotations

import os
import resource
import signal
import struct
from typing import Any, BinaryIO, NoReturn

import numpy as np
from tflite_micro import runtime

from edge_deployer.child_process import fork
from edge_deployer.tflm.frames import Header, pack, unpack

# What the schema code, which runs before TFLM sees the model, raises on bytes that are not a flatbuffer.
_NOT_A_FLATBUFFER = (struct.error, TypeError, ValueError, IndexError, AttributeError, OverflowError, MemoryError)
# A corrupted model can loop for ever in TFLM; the attempt's own alarm ends it.
_ATTEMPT_DEADLINE_S = 60


def _describe(details: dict[str, Any]) -> Header:
    parameters = details["quantization_parameters"]
    quantised = len(parameters["scales"]) > 0
    return {
        "dtype": np.dtype(details["dtype"]).name,
        "shape": [int(size) for size in details["shape"]],
        "scale": float(parameters["scales"][0]) if quantised else None,
        "zero_point": int(parameters["zero_points"][0]) if quantised else 0,
    }


def _invoke_on_zeros(interpreter: Any) -> None:
    details = interpreter.get_input_details(0)
    interpreter.set_input(np.zeros(details["shape"], details["dtype"]), 0)
    interpreter.invoke()


def _has_second_tensor(get_details: Any) -> bool:
    try:
        get_details(1)
    except IndexError:
        return False
    return True


class Worker:
    """Answers the parent's requests: `load`, `fits`, `run`."""

    def __init__(self) -> None:
        self._model = b""
        self._interpreter: Any = None

    def answer(self, request: Header, payload: bytes) -> bytes:
        """One request to one packed reply; TFLM's refusals are replies with ``failed``."""
        try:
            if request["command"] == "load":
                return pack(self._load(payload, request["arena_bytes"]))
            if request["command"] == "fits":
                return pack({"fits": self._fits(request["arena_bytes"])})
            return pack({}, self._run(payload, request["samples"]))
        except RuntimeError as error:
            return pack({"failed": "tflm", "text": str(error)})
        except _NOT_A_FLATBUFFER as error:
            return pack({"failed": "not a model", "text": str(error)})

    def _load(self, model: bytes, arena_bytes: int) -> Header:
        self._model = model
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
        reply = {
            "input": _describe(interpreter.get_input_details(0)),
            "output": _describe(interpreter.get_output_details(0)),
            "one_input": not _has_second_tensor(interpreter.get_input_details),
            "one_output": not _has_second_tensor(interpreter.get_output_details),
        }
        if reply["one_input"]:
            _invoke_on_zeros(interpreter)
        interpreter.print_allocations()
        self._interpreter = interpreter
        return reply

    def _fits(self, arena_bytes: int) -> bool:
        """Whether the loaded model loads and runs in an arena of that size; a crash in the attempt is a no."""

        def attempt() -> int:
            signal.alarm(_ATTEMPT_DEADLINE_S)
            try:
                _invoke_on_zeros(runtime.Interpreter.from_bytes(self._model, arena_size=arena_bytes))
            except RuntimeError:
                return 1
            return 0

        return fork(attempt).wait() == 0

    def _run(self, inputs: bytes, samples: int) -> bytes:
        details = self._interpreter.get_input_details(0)
        batch = np.frombuffer(inputs, details["dtype"]).reshape(samples, *details["shape"])
        return b"".join(self._run_one(sample) for sample in batch)

    def _run_one(self, sample: Any) -> bytes:
        # Variables (LSTM state, SVDF memory) survive an invoke: a sample must not see the one before it.
        self._interpreter.reset()
        self._interpreter.set_input(sample, 0)
        self._interpreter.invoke()
        output: bytes = self._interpreter.get_output(0).tobytes()
        return output


def _reader(stream: BinaryIO) -> Any:
    def read_exactly(count: int) -> bytes:
        data = stream.read(count)
        if len(data) < count:
            raise EOFError
        return data

    return read_exactly


def serve() -> NoReturn:
    """Serve requests from fd 0 until it ends, and end with it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C reaches the whole process group; the parent decides what it means and closes our stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    read_exactly = _reader(os.fdopen(0, "rb"))
    worker = Worker()
    try:
        # Whoever dies from here on died of a model; before, of this machine's Python.
        replies.write(pack({"ready": True}))
        replies.flush()
        while True:
            replies.write(worker.answer(*unpack(read_exactly)))
            replies.flush()
    except (EOFError, BrokenPipeError):
        os._exit(0)


if __name__ == "__main__":
    serve()
