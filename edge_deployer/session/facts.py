"""What a board tells about itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_deployer.tensors import Array, TensorSpec
from edge_deployer.wire.inference import ResetReason


@dataclass(frozen=True)
class ServerParameters:
    """MCUmgr parameters."""

    buffer_bytes: int
    buffer_count: int


@dataclass(frozen=True)
class SlotState:
    """The image in one slot."""

    slot: int  # 0 is the primary slot, which runs; 1 the spare one.
    hash: bytes  # SHA-256 TLV of the image.
    version: str  # ``major.minor.revision``.
    active: bool
    confirmed: bool  # It stays, or comes back, at the next reset.
    pending: bool  # It boots next.


@dataclass(frozen=True)
class DeviceInfo:
    """The running model."""

    image_hash: bytes  # SHA-256 TLV of the running image.
    arena_used: int  # Bytes of arena the model uses, by the board's own figure.
    arena_bytes: int  # Bytes of arena there are.
    macs: int | None  # Multiply-accumulates of one inference, where the board knows.
    input: TensorSpec
    output: TensorSpec


@dataclass(frozen=True)
class Health:
    """How a board is."""

    reset_reason: ResetReason  # Why it last started.
    uptime_ms: int  # Milliseconds since then.
    faults: int  # Faults since power-on.
    last_fault: str | None  # Words for the last fault, or for why the model does not load.
    security_floor: int = 0  # Security counter below which the board boots no image.


@dataclass(frozen=True)
class InferenceResult:
    """What the board computed."""

    outputs: Array  # Stored values ``(n, *output.shape[1:])`` of the output's dtype.
    # Time of each inference by the board's clock, int64 ``(n,)``; 0 where the board cannot tell.
    microseconds: npt.NDArray[np.int64]
