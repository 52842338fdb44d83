"""TFLite models of a few hundred bytes, built field by field, so that these tests need no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

_VERSION = 3
_TYPES = {
    "int8": tflite.TensorType.INT8,
    "uint8": tflite.TensorType.UINT8,
    "int16": tflite.TensorType.INT16,
    "int32": tflite.TensorType.INT32,
    "float32": tflite.TensorType.FLOAT32,
}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a model: a constant where `values` is given, kept between runs where it is `variable`."""

    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: float | None = None
    values: Any = None
    variable: bool = False
    zero_point: int = 0


@dataclass(frozen=True)
class Node:
    """One operator: a builtin's number, or a custom operator's name."""

    code: int | str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: tuple[int, str] | None = field(default=None)


def identity_classifier(classes: int = 4, scale: float = 0.1, zero_point: int = 0) -> bytes:
    """int8[1, classes] -> int8[1, classes]: a fully connected layer whose output equals its input, bit for bit."""
    return _model(
        [
            Tensor((1, classes), scale=scale, zero_point=zero_point),
            _identity_weights(classes),
            Tensor((1, classes), scale=scale, zero_point=zero_point),
        ],
        [_fully_connected([0, 1, -1], [2])],
        inputs=[0],
        outputs=[2],
    )


def float_classifier(classes: int = 4) -> bytes:
    """As `identity_classifier`, in float32."""
    values = Tensor((1, classes), "float32")
    weights = Tensor((classes, classes), "float32", values=np.eye(classes))
    return _model([values, weights, values], [_fully_connected([0, 1, -1], [2])], inputs=[0], outputs=[2])


def hybrid_classifier(classes: int = 4) -> bytes:
    """As `float_classifier`, with int8 weights: what the converter makes without a representative data set."""
    values = Tensor((1, classes), "float32")
    tensors = [values, _identity_weights(classes), values]
    return _model(tensors, [_fully_connected([0, 1, -1], [2])], inputs=[0], outputs=[2])


def uint8_ends() -> bytes:
    """uint8[1, 4] -> uint8[1, 4]: the identity classifier between two that change the type of its input and output."""
    tensors = [
        Tensor((1, 4), "uint8", scale=0.1, zero_point=128),
        Tensor((1, 4), scale=0.1),
        _identity_weights(4),
        Tensor((1, 4), scale=0.1),
        Tensor((1, 4), "uint8", scale=0.1, zero_point=128),
    ]
    quantize = tflite.BuiltinOperator.QUANTIZE
    nodes = [Node(quantize, [0], [1]), _fully_connected([1, 2, -1], [3]), Node(quantize, [3], [4])]
    return _model(tensors, nodes, inputs=[0], outputs=[4])


def matrix_product(rows: int, shared: int, columns: int) -> bytes:
    """int8[1, rows, shared] times a constant: a matrix product."""
    tensors = [
        Tensor((1, rows, shared), scale=0.1),
        Tensor((1, shared, columns), scale=0.1, values=np.ones((1, shared, columns))),
        Tensor((1, rows, columns), scale=0.1),
    ]
    return _model(tensors, [Node(tflite.BuiltinOperator.BATCH_MATMUL, [0, 1], [2])], inputs=[0], outputs=[2])


def rotating_classifier(classes: int = 4) -> bytes:
    """As `identity_classifier`, but output k is input k + 1: a model that answers every sample differently."""
    weights = Tensor((classes, classes), scale=1 / 127, values=np.roll(np.eye(classes), 1, axis=1) * 127)
    tensors = [Tensor((1, classes), scale=0.1), weights, Tensor((1, classes), scale=0.1)]
    return _model(tensors, [_fully_connected([0, 1, -1], [2])], inputs=[0], outputs=[2])


def square_root() -> bytes:
    """float32[1, 1] -> float32[1, 1]: NaN for what is below 0."""
    tensors = [Tensor((1, 1), "float32"), Tensor((1, 1), "float32")]
    return _model(tensors, [Node(tflite.BuiltinOperator.SQRT, [0], [1])], inputs=[0], outputs=[1])


def with_unknown_op() -> bytes:
    """A model whose only operator is a custom one, ``made-up-op``, that TFLM has never heard of."""
    return with_operator("made-up-op")


def with_operator(code: int | str) -> bytes:
    """int8[1, 4] -> int8[1, 4]: a model with one operator, which need not make sense; a text is a custom one's name."""
    tensors = [Tensor((1, 4), scale=0.1), Tensor((1, 4), scale=0.1)]
    return _model(tensors, [Node(code, [0], [1])], inputs=[0], outputs=[1])


def two_inputs() -> bytes:
    """int8[1, 4] + int8[1, 4] -> int8[1, 4]: it runs, but a release has exactly one input."""
    tensors = [Tensor((1, 4), scale=0.1), Tensor((1, 4), scale=0.1), Tensor((1, 4), scale=0.1)]
    add = Node(tflite.BuiltinOperator.ADD, [0, 1], [2], (tflite.BuiltinOptions.AddOptions, "AddOptions"))
    return _model(tensors, [add], inputs=[0, 1], outputs=[2])


def crashes_on_load() -> bytes:
    """A model on which TFLM dies while it prepares: its operator names a weights tensor that does not exist."""
    tensors = [Tensor((1, 4), scale=0.1), Tensor((1, 4), scale=0.1)]
    return _model(tensors, [_fully_connected([0, 9_999_999, -1], [1])], inputs=[0], outputs=[1])


def crashes_on_far_offset() -> bytes:
    """int32[1, 1] -> int8[1]: takes one of four bytes. TFLM does not check the offset: 0 to 3 are good, 2**30 kills."""
    tensors = [
        Tensor((1, 1), "int32"),
        Tensor((1,), "int32", values=[1]),
        Tensor((1,), "int32"),
        Tensor((4,), scale=0.1, values=[10, 20, 30, 40]),
        Tensor((1,), "int32", values=[1]),
        Tensor((1,), scale=0.1),
    ]
    reshape = Node(tflite.BuiltinOperator.RESHAPE, [0, 1], [2])
    take = Node(tflite.BuiltinOperator.SLICE, [3, 2, 4], [5])
    return _model(tensors, [reshape, take], inputs=[0], outputs=[5])


def remembers() -> bytes:
    """int8[1, 1] -> int8[1, 1]: an SVDF that adds the sample before to each sample, from a variable tensor."""
    tensors = [
        Tensor((1, 1), scale=1.0),
        Tensor((1, 1), scale=1.0, values=[[1]]),
        Tensor((1, 2), "int16", scale=1.0, values=[[1, 1]]),
        Tensor((1,), "int32", scale=1.0, values=[0]),
        Tensor((1, 2), "int16", scale=1.0, variable=True),
        Tensor((1, 1), scale=1.0),
    ]
    svdf = Node(tflite.BuiltinOperator.SVDF, [0, 1, 2, 3, 4], [5], (tflite.BuiltinOptions.SVDFOptions, "SVDFOptions"))
    return _model(tensors, [svdf], inputs=[0], outputs=[5])


def _identity_weights(classes: int) -> Tensor:
    return Tensor((classes, classes), scale=1 / 127, values=np.eye(classes) * 127)


def _fully_connected(inputs: Sequence[int], outputs: Sequence[int]) -> Node:
    options = (tflite.BuiltinOptions.FullyConnectedOptions, "FullyConnectedOptions")
    return Node(tflite.BuiltinOperator.FULLY_CONNECTED, inputs, outputs, options)


def _model(tensors: Sequence[Tensor], nodes: Sequence[Node], *, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    b = flatbuffers.Builder(1024)
    buffers = [_buffer(b, None), *(_buffer(b, tensor) for tensor in tensors)]
    graph = _graph(b, tensors, nodes, inputs, outputs)
    codes = [_operator_code(b, node.code) for node in nodes]
    graphs, codes_vector, buffers_vector = _offsets(b, [graph]), _offsets(b, codes), _offsets(b, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, _VERSION)
    tflite.ModelAddOperatorCodes(b, codes_vector)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, buffers_vector)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


def _graph(b: Any, tensors: Sequence[Tensor], nodes: Sequence[Node], inputs: Any, outputs: Any) -> int:
    tensors_vector = _offsets(b, [_tensor(b, tensor, index + 1) for index, tensor in enumerate(tensors)])
    nodes_vector = _offsets(b, [_node(b, node, index) for index, node in enumerate(nodes)])
    inputs_vector, outputs_vector = _integers(b, inputs), _integers(b, outputs)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors_vector)
    tflite.SubGraphAddInputs(b, inputs_vector)
    tflite.SubGraphAddOutputs(b, outputs_vector)
    tflite.SubGraphAddOperators(b, nodes_vector)
    return int(tflite.SubGraphEnd(b))


def _buffer(b: Any, tensor: Tensor | None) -> int:
    data = None
    if tensor is not None and tensor.values is not None:
        # TFLM reads constants in place: they must be aligned in the file.
        raw = np.asarray(tensor.values).astype(tensor.dtype).tobytes()
        b.StartVector(1, len(raw), 16)
        b.head -= len(raw)
        b.Bytes[b.head : b.head + len(raw)] = raw
        data = b.EndVector()
    tflite.BufferStart(b)
    if data is not None:
        tflite.BufferAddData(b, data)
    return int(tflite.BufferEnd(b))


def _tensor(b: Any, tensor: Tensor, buffer: int) -> int:
    shape, name = _integers(b, tensor.shape), b.CreateString(f"tensor {buffer}")
    quantisation = None if tensor.scale is None else _quantisation(b, tensor.scale, tensor.zero_point)
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, shape)
    tflite.TensorAddType(b, _TYPES[tensor.dtype])
    tflite.TensorAddBuffer(b, buffer)
    tflite.TensorAddName(b, name)
    tflite.TensorAddIsVariable(b, tensor.variable)
    if quantisation is not None:
        tflite.TensorAddQuantization(b, quantisation)
    return int(tflite.TensorEnd(b))


def _quantisation(b: Any, scale: float, zero_point: int) -> int:
    scales = b.CreateNumpyVector(np.array([scale], np.float32))
    zero_points = b.CreateNumpyVector(np.array([zero_point], np.int64))
    tflite.QuantizationParametersStart(b)
    tflite.QuantizationParametersAddScale(b, scales)
    tflite.QuantizationParametersAddZeroPoint(b, zero_points)
    return int(tflite.QuantizationParametersEnd(b))


def _node(b: Any, node: Node, code_index: int) -> int:
    options = None
    if node.options is not None:
        getattr(tflite, f"{node.options[1]}Start")(b)
        if node.options[1] == "SVDFOptions":
            tflite.SVDFOptionsAddRank(b, 1)
        options = getattr(tflite, f"{node.options[1]}End")(b)
    inputs, outputs = _integers(b, node.inputs), _integers(b, node.outputs)
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, code_index)
    tflite.OperatorAddInputs(b, inputs)
    tflite.OperatorAddOutputs(b, outputs)
    if node.options is not None:
        tflite.OperatorAddBuiltinOptionsType(b, node.options[0])
        tflite.OperatorAddBuiltinOptions(b, options)
    return int(tflite.OperatorEnd(b))


def _operator_code(b: Any, code: int | str) -> int:
    name = b.CreateString(code) if isinstance(code, str) else None
    builtin = tflite.BuiltinOperator.CUSTOM if isinstance(code, str) else code
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(builtin, 127))
    tflite.OperatorCodeAddBuiltinCode(b, builtin)
    tflite.OperatorCodeAddVersion(b, 1)
    if name is not None:
        tflite.OperatorCodeAddCustomCode(b, name)
    return int(tflite.OperatorCodeEnd(b))


def _integers(b: Any, values: Sequence[int]) -> int:
    return int(b.CreateNumpyVector(np.array(values, np.int32)))


def _offsets(b: Any, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())
