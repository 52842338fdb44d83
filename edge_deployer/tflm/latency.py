"""How long an inference takes on a class of board: an estimate. Its calibration is in `docs/board-profiles.md`."""

from __future__ import annotations

from edge_deployer.profile import BoardProfile
from edge_deployer.tflm.operators import count_bytes, count_macs


def estimate_latency_us(model: bytes, profile: BoardProfile) -> float:
    """Microseconds of one inference: ``macs / macs_per_second + bytes / bytes_per_second``.

    Raises:
        ModelRefused: the bytes are not a TFLite model.
        TinyopsError: the `tflite` package is not installed.
    """
    seconds = count_macs(model) / profile.macs_per_second + count_bytes(model) / profile.bytes_per_second
    return 1e6 * seconds
