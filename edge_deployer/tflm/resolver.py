"""The methods of TFLM's MicroMutableOpResolver: firmware adds each operator of its model by one of them."""

from __future__ import annotations

from typing import Final

from edge_deployer.tflm.kernels import KERNELS

_SIGNAL: Final = "Signal"
_NAMED_OTHERWISE: Final = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
    # Registered by no host build.
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "TFLM_DECODE": "AddDecode",
    "ethos-u": "AddEthosU",
}


def resolver_method(operator: str) -> str | None:
    """The method that adds an operator, e.g. ``AddConv2D`` for ``CONV_2D``; None where TFLM has none.

    Args:
        operator: its name, as `Operator.name` has it.
    """
    if operator in _NAMED_OTHERWISE:
        return _NAMED_OTHERWISE[operator]
    if operator not in KERNELS:
        return None
    if operator.startswith(_SIGNAL):
        return f"Add{operator.removeprefix(_SIGNAL)}"
    return "Add" + "".join(_word(part) for part in operator.split("_"))


def _word(part: str) -> str:
    """``CONV`` is Conv, ``2D`` stays."""
    return part if part[0].isdigit() else part.capitalize()
