"""What numbers a model computes in, in words."""

from __future__ import annotations

from edge_deployer.tflm.model_file import boundary_dtypes
from edge_deployer.tflm.operators import mac_dtypes


def describe_precision(model: bytes) -> str:
    """``int8``, ``float32``; where inputs or outputs are of another type, ``int8, uint8 in, float32 out``.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    given, answered = boundary_dtypes(model)
    inner = mac_dtypes(model) or given
    ends = [f"{' and '.join(ends)} {side}" for ends, side in ((given, "in"), (answered, "out")) if ends != inner]
    return ", ".join([" and ".join(inner), *ends])
