"""TensorFlow Lite Micro on the host: always in a child process, so that a model that kills it is a refusal.

Running and sizing models needs the `sim` extra; importing this package does not.
"""

from edge_deployer.tflm.child import require_tflm
from edge_deployer.tflm.errors import InferenceCrashed, ModelRefused, Reason
from edge_deployer.tflm.latency import estimate_latency_us
from edge_deployer.tflm.operators import Operator, count_bytes, count_macs, list_operators
from edge_deployer.tflm.runner import TflmRunner, smallest_arena

__all__ = [
    "InferenceCrashed",
    "ModelRefused",
    "Operator",
    "Reason",
    "TflmRunner",
    "count_bytes",
    "count_macs",
    "estimate_latency_us",
    "list_operators",
    "require_tflm",
    "smallest_arena",
]
