"""A TFLite file as its flatbuffer has it. Nothing is run, and nothing that a damaged file claims is believed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge_deployer.tensors import TensorSpec
from edge_deployer.tflm.errors import ModelRefused, Reason

_IDENTIFIER = slice(4, 8)
# What the flatbuffer accessors raise when an offset in the file points outside it.
_NOT_A_FLATBUFFER = (struct.error, TypeError, ValueError, IndexError, AttributeError, OverflowError)

_TENSOR_DTYPES = frozenset(
    ("BOOL", "FLOAT16", "FLOAT32", "FLOAT64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
)
"""Types of the schema that numpy has too, by the same name."""


def schema() -> Any:
    """The schema's accessors; they take a quarter of a second to import, and most commands need none."""
    import tflite

    return tflite


@contextmanager
def opened(model: bytes) -> Iterator[Any]:
    """The root table of a model.

    Raises:
        ModelRefused: the bytes are not a TFLite model, or what is read inside the ``with`` is damaged.
    """
    if model[_IDENTIFIER] != b"TFL3":
        raise ModelRefused(Reason.NOT_A_MODEL, f"these {len(model)} bytes are not a TFLite model: no TFL3 identifier")
    try:
        yield schema().Model.GetRootAsModel(model, 0)
    except _NOT_A_FLATBUFFER as error:
        raise ModelRefused(Reason.NOT_A_MODEL, f"the TFLite model is damaged: {error}") from error


def plausible(count: int, size: int) -> int:
    """A vector's length, unless the file is too short to hold it: a damaged one may claim billions.

    Args:
        count: entries of 4 bytes that the file claims.
        size: bytes of the file.

    Raises:
        ValueError: it is too short.
    """
    if 4 * count > size:
        raise ValueError(f"a vector of {count} entries in a file of {size} bytes")
    return count


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Shape of a tensor's table."""
    return tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))


def dtype_name(code: int) -> str:
    """Name of a tensor type of the schema, as numpy has it where it has the type."""
    names = {number: name for name, number in vars(schema().TensorType).items() if not name.startswith("_")}
    return str(names.get(code, f"type {code}")).lower()


def tensor_specs(model: bytes) -> tuple[TensorSpec, TensorSpec]:
    """Input and output of a model with one of each, as `TflmRunner.input` and `TflmRunner.output` have them.

    Raises:
        ModelRefused: the bytes are not a TFLite model, it has several inputs or outputs, or its input has no batch
            dimension of 1.
    """
    with opened(model) as root:
        graph = root.Subgraphs(0)
        given = _only_tensor("input", graph, [graph.Inputs(i) for i in range(min(2, graph.InputsLength()))])
        answered = _only_tensor("output", graph, [graph.Outputs(i) for i in range(min(2, graph.OutputsLength()))])
    if given.shape[:1] != (1,):
        shape = list(given.shape)
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model's input {shape} has no batch dimension of 1")
    return given, answered


def boundary_dtypes(model: bytes) -> tuple[list[str], list[str]]:
    """Types of a model's inputs and of its outputs, each once, sorted.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    with opened(model) as root:
        graph, size = root.Subgraphs(0), len(model)
        inputs = [graph.Inputs(i) for i in range(plausible(graph.InputsLength(), size))]
        outputs = [graph.Outputs(i) for i in range(plausible(graph.OutputsLength(), size))]
        given, answered = ({dtype_name(graph.Tensors(i).Type()) for i in side} for side in (inputs, outputs))
        return sorted(given), sorted(answered)


def _only_tensor(side: str, graph: Any, indices: list[int]) -> TensorSpec:
    if len(indices) != 1:
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model has {'more than one' if indices else 'no'} {side}")
    tensor = graph.Tensors(indices[0])
    names = {code: name for name, code in vars(schema().TensorType).items() if name in _TENSOR_DTYPES}
    if tensor.Type() not in names:
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model's {side} is of type {tensor.Type()}, no array of numbers")
    scale, zero_point = _quantisation(tensor.Quantization())
    return TensorSpec(names[tensor.Type()].lower(), shape_of(tensor), scale, zero_point)


def _quantisation(parameters: Any) -> tuple[float | None, int]:
    if parameters is None or not parameters.ScaleLength():
        return None, 0
    return float(parameters.Scale(0)), int(parameters.ZeroPoint(0)) if parameters.ZeroPointLength() else 0
