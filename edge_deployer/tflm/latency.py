"""How long an inference takes on a class of board: an estimate. Its calibration is in `docs/board-profiles.md`."""

from __future__ import annotations

from edge_deployer.profile import BoardProfile
from edge_deployer.tflm.operators import count_bytes, count_macs, mac_dtypes, uncounted_operators


def estimate_latency_us(model: bytes, profile: BoardProfile) -> float | None:
    """Microseconds of one inference: ``macs / macs_per_second + bytes / bytes_per_second``.

    Returns:
        None where nobody can tell, see `why_no_estimate`.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    macs = count_macs(model)
    if macs is None or why_no_estimate(model):
        return None
    return 1e6 * (macs / profile.macs_per_second + count_bytes(model) / profile.bytes_per_second)


def why_no_estimate(model: bytes) -> str | None:
    """Why the latency of a model cannot be estimated; None where it can.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
    """
    uncounted = uncounted_operators(model)
    if uncounted:
        return f"the work of {', '.join(uncounted)} cannot be counted"
    others = [dtype for dtype in mac_dtypes(model) if dtype != "int8"]
    if others:
        return f"the model computes in {' and '.join(others)}, and a profile's speeds are those of int8"
    return None
