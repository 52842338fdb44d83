"""TensorFlow Lite Micro on the host: always in a child process, so that a model that kills it is a refusal.

Running and sizing models needs the `sim` extra; reading their files does not.
"""

from edge_deployer.tflm.child import require_tflm
from edge_deployer.tflm.errors import InferenceCrashed, ModelRefused, Reason
from edge_deployer.tflm.latency import estimate_latency_us, why_no_estimate
from edge_deployer.tflm.model_file import tensor_specs
from edge_deployer.tflm.operators import (
    Operator,
    count_bytes,
    count_macs,
    describe_precision,
    last_operator,
    list_operators,
    require_kernels,
)
from edge_deployer.tflm.runner import TflmRunner

__all__ = [
    "InferenceCrashed",
    "ModelRefused",
    "Operator",
    "Reason",
    "TflmRunner",
    "count_bytes",
    "count_macs",
    "describe_precision",
    "estimate_latency_us",
    "last_operator",
    "list_operators",
    "require_kernels",
    "require_tflm",
    "tensor_specs",
    "why_no_estimate",
]
