"""A TFLite file as its flatbuffer has it. Nothing is run, and nothing that a damaged file claims is believed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

from edge_deployer.tensors import TensorSpec
from edge_deployer.tflm.errors import ModelRefused, Reason

_IDENTIFIER = slice(4, 8)
# What the flatbuffer accessors raise when an offset in the file points outside it.
_NOT_A_FLATBUFFER = (struct.error, TypeError, ValueError, IndexError, AttributeError, OverflowError)

_ARRAY_DTYPES = frozenset(
    ("bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
)
"""Types of the schema that numpy has too, by the same name."""


def schema() -> Any:
    """The schema's accessors; they take a quarter of a second to import, and most commands need none."""
    import tflite

    return tflite


def require_identifier(model: bytes) -> None:
    """See that bytes say that they are a TFLite model.

    Raises:
        ModelRefused: they do not.
    """
    if model[_IDENTIFIER] != b"TFL3":
        raise ModelRefused(Reason.NOT_A_MODEL, f"these {len(model)} bytes are not a TFLite model: no TFL3 identifier")


@contextmanager
def opened(model: bytes) -> Iterator[Any]:
    """The root table of a model.

    Raises:
        ModelRefused: the bytes are not a TFLite model, or what is read inside the ``with`` is damaged.
    """
    require_identifier(model)
    try:
        yield schema().Model.GetRootAsModel(model, 0)
    except _NOT_A_FLATBUFFER as error:
        raise ModelRefused(Reason.NOT_A_MODEL, f"the TFLite model is damaged: {error}") from error


def vector(table: Any, name: str, size: int) -> list[Any]:
    """The entries of a table's vector, each of 4 bytes in a file of so many; a damaged one may claim billions.

    Raises:
        ValueError: the file is too short for them.
    """
    count = getattr(table, f"{name}Length")()
    if 4 * count > size:
        raise ValueError(f"a vector of {count} entries in a file of {size} bytes")
    entry = getattr(table, name)
    return [entry(index) for index in range(count)]


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Shape of a tensor's table."""
    return tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))


@cache
def dtype_name(code: int) -> str:
    """Name of a tensor type of the schema, as numpy has it where it has the type."""
    names = {number: name for name, number in vars(schema().TensorType).items() if not name.startswith("_")}
    return str(names.get(code, f"type {code}")).lower()


def item_bytes(code: int) -> int:
    """Bytes of one element; 1 for the types that have no size of their own, e.g. strings and packed int4."""
    name = dtype_name(code)
    return np.dtype(name).itemsize if name in _ARRAY_DTYPES else 1


def tensor_specs(model: bytes) -> tuple[TensorSpec, TensorSpec]:
    """Input and output of a model with one of each, as `TflmRunner.input` and `TflmRunner.output` have them.

    Raises:
        ModelRefused: the bytes are not a TFLite model, it has several inputs or outputs, or its input has no batch
            dimension of 1.
    """
    with opened(model) as root:
        graph = root.Subgraphs(0)
        given = _only_tensor("input", graph, vector(graph, "Inputs", len(model)))
        answered = _only_tensor("output", graph, vector(graph, "Outputs", len(model)))
    if given.shape[:1] != (1,):
        shape = list(given.shape)
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model's input {shape} has no batch dimension of 1")
    return given, answered


def boundary_dtypes(model: bytes) -> tuple[list[str], list[str]]:
    """Types of a model's inputs and of its outputs, each once, sorted."""
    with opened(model) as root:
        graph, size = root.Subgraphs(0), len(model)
        inputs, outputs = vector(graph, "Inputs", size), vector(graph, "Outputs", size)
        given, answered = ({dtype_name(graph.Tensors(i).Type()) for i in side} for side in (inputs, outputs))
        return sorted(given), sorted(answered)


def _only_tensor(side: str, graph: Any, indices: list[int]) -> TensorSpec:
    if len(indices) != 1:
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model has {'more than one' if indices else 'no'} {side}")
    tensor = graph.Tensors(indices[0])
    dtype = dtype_name(tensor.Type())
    if dtype not in _ARRAY_DTYPES:
        raise ModelRefused(Reason.WRONG_TENSORS, f"the model's {side} is of type {tensor.Type()}, no array of numbers")
    scale, zero_point = _quantisation(tensor.Quantization())
    return TensorSpec(dtype, shape_of(tensor), scale, zero_point)


def _quantisation(parameters: Any) -> tuple[float | None, int]:
    if parameters is None or not parameters.ScaleLength():
        return None, 0
    return float(parameters.Scale(0)), int(parameters.ZeroPoint(0)) if parameters.ZeroPointLength() else 0
