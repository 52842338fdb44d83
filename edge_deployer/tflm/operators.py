"""What a TFLite file says about its operators, read from the flatbuffer without running anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from edge_deployer.tflm.errors import ModelRefused, Reason
from edge_deployer.tflm.kernels import KERNELS
from edge_deployer.tflm.model_file import boundary_dtypes, dtype_name, item_bytes, opened, schema, shape_of, vector
from edge_deployer.tflm.remedies import without_kernel

_MOVES_VALUES = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE"})


@dataclass(frozen=True)
class Operator:
    """One operator of a model.

    Attributes:
        name: as in the TFLite schema, e.g. ``CONV_2D``; a custom operator's own name, e.g. ``ethos-u``.
        custom: whether it is a custom operator.
        input_shapes: shape of each input, in order; ``()`` for an absent optional one.
        output_shapes: shape of each output, in order.
        activation_bytes: bytes of activations that it reads and writes: of its inputs that the file holds no values
            for, and of its outputs.
        dtype: numpy name of its first output's type, which is what it computes in; empty without an output.
    """

    name: str
    custom: bool
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    activation_bytes: int
    dtype: str


def list_operators(model: bytes) -> list[Operator]:
    """All operators of a model, in the order they are stored.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    with opened(model) as root:
        return list(_operators(root, len(model)))


def last_operator(model: bytes) -> str | None:
    """Name of the operator that makes the values of the first output; what only moves or stores them is looked through.

    Returns:
        None where no operator makes it.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    with opened(model) as root:
        graph = root.Subgraphs(0)
        wanted, found = graph.Outputs(0), None
        for operator in reversed(vector(graph, "Operators", len(model))):
            if wanted not in vector(operator, "Outputs", len(model)):
                continue
            found, _ = _name(root.OperatorCodes(operator.OpcodeIndex()))
            if found not in _MOVES_VALUES or not operator.InputsLength():
                break
            wanted = operator.Inputs(0)
        return found


def require_kernels(model: bytes) -> None:
    """Make sure that TFLM has a kernel for every operator of a model.

    Raises:
        ModelRefused: it has none for one, or the bytes are not a TFLite model.
    """
    for operator in list_operators(model):
        if operator.name not in KERNELS:
            kind = "model's custom operator" if operator.custom else "operator"
            name = repr(operator.name) if operator.custom else operator.name
            words = f"TFLM has no kernel for the {kind} {name}"
            raise ModelRefused(Reason.UNSUPPORTED_OP, words, remedy=without_kernel(operator.name))


def uncounted_operators(model: bytes) -> list[str]:
    """Names of the operators whose work the file does not tell, each once, sorted.

    They are custom operators, those that TFLM has no kernel for, and those that run another graph as often as the
    values say.
    """
    counted = KERNELS - _RUN_GRAPHS
    return sorted({found.name for found in list_operators(model) if found.custom or found.name not in counted})


def mac_dtypes(model: bytes) -> list[str]:
    """Types in which the model multiplies and accumulates, each once, sorted; empty where it does neither."""
    return sorted({operator.dtype for operator in list_operators(model) if operator.name in _MACS})


def describe_precision(model: bytes) -> str:
    """What a model computes in: ``int8``; with inputs or outputs of another type ``int8, uint8 in, float32 out``.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    given, answered = boundary_dtypes(model)
    inner = mac_dtypes(model) or given
    ends = [f"{' and '.join(ends)} {side}" for ends, side in ((given, "in"), (answered, "out")) if ends != inner]
    return ", ".join([" and ".join(inner), *ends])


def count_macs(model: bytes) -> int | None:
    """Multiply-accumulates of one inference in convolutions, fully connected layers, matrix products, LSTM and SVDF.

    Bias, activation, requantisation and element-wise operators are not counted, as is usual for such figures.

    Returns:
        None where the model has `uncounted_operators`.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    if uncounted_operators(model):
        return None
    operators = list_operators(model)
    try:
        return sum(_MACS[operator.name](operator) for operator in operators if operator.name in _MACS)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise ModelRefused(Reason.NOT_A_MODEL, f"an operator has tensors of the wrong rank: {error}") from error


def count_bytes(model: bytes) -> int:
    """Bytes of activations that the operators read and write in one inference; weights and biases are not counted.

    Every operator counts its inputs and outputs once, wherever they are kept and however often a kernel reads them.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    return sum(operator.activation_bytes for operator in list_operators(model))


def _operators(root: Any, size: int) -> Iterator[Operator]:
    for graph in vector(root, "Subgraphs", size):
        for operator in vector(graph, "Operators", size):
            name, custom = _name(root.OperatorCodes(operator.OpcodeIndex()))
            inputs, outputs = vector(operator, "Inputs", size), vector(operator, "Outputs", size)
            activations = [i for i in inputs if i >= 0 and not _is_constant(root, graph.Tensors(i))] + outputs
            yield Operator(
                name,
                custom,
                tuple(_shape(graph, tensor) for tensor in inputs),
                tuple(_shape(graph, tensor) for tensor in outputs),
                sum(prod(_shape(graph, tensor)) * item_bytes(graph.Tensors(tensor).Type()) for tensor in activations),
                dtype_name(graph.Tensors(outputs[0]).Type()) if outputs else "",
            )


def _name(code: Any) -> tuple[str, bool]:
    # The schema widened the code from 8 to 32 bits; old files fill in only the deprecated field.
    builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if builtin == schema().BuiltinOperator.CUSTOM:
        return code.CustomCode().decode(), True
    return schema().BUILTIN_OPCODE2NAME.get(builtin, f"BUILTIN_{builtin}"), False


def _shape(graph: Any, tensor: int) -> tuple[int, ...]:
    return shape_of(graph.Tensors(tensor)) if tensor >= 0 else ()


def _is_constant(root: Any, tensor: Any) -> bool:
    """Whether the file holds the tensor's values; buffer 0 stands for none."""
    return bool(tensor.Buffer()) and root.Buffers(tensor.Buffer()).DataLength() > 0


def _conv(operator: Operator) -> int:
    _, height, width, channels = operator.input_shapes[1]
    return prod(operator.output_shapes[0]) * height * width * channels


def _depthwise_conv(operator: Operator) -> int:
    _, height, width, _ = operator.input_shapes[1]
    return prod(operator.output_shapes[0]) * height * width


def _transpose_conv(operator: Operator) -> int:
    # Inputs: output shape, filter (out channels, height, width, in channels), data.
    out_channels, height, width, _ = operator.input_shapes[1]
    return prod(operator.input_shapes[2]) * height * width * out_channels


def _fully_connected(operator: Operator) -> int:
    return prod(operator.output_shapes[0]) * operator.input_shapes[1][-1]


def _matrix_product(operator: Operator) -> int:
    # Either matrix may be transposed: of the first one's two dimensions, the shared one is not the output's rows.
    rows = operator.output_shapes[0][-2]
    return prod(operator.output_shapes[0]) * prod(operator.input_shapes[0][-2:]) // rows


def _lstm(operator: Operator) -> int:
    # Inputs 1 to 8 are the weights of the four gates for the input and for the recurrent state. Every matrix is used
    # once for each time step of each sequence; data is (batch, time, features) or (time, batch, features).
    gates = sum(prod(shape) for shape in operator.input_shapes[1:9] if shape)
    return prod(operator.input_shapes[0][:2]) * gates


def _svdf(operator: Operator) -> int:
    features, time = operator.input_shapes[1:3]
    return prod(features) + prod(time)


_RUN_GRAPHS = frozenset({"IF", "WHILE"})

_MACS: dict[str, Callable[[Operator], int]] = {
    "BATCH_MATMUL": _matrix_product,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise_conv,
    "TRANSPOSE_CONV": _transpose_conv,
    "FULLY_CONNECTED": _fully_connected,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "SVDF": _svdf,
}
