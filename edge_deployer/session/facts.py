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
    """The image in one slot.

    Attributes:
        slot: 0 is the primary slot, which runs; 1 the spare one.
        hash: SHA-256 TLV of the image.
        version: ``major.minor.revision``.
        active: it runs.
        confirmed: it stays, or comes back, at the next reset.
        pending: it boots next.
    """

    slot: int
    hash: bytes
    version: str
    active: bool
    confirmed: bool
    pending: bool


@dataclass(frozen=True)
class DeviceInfo:
    """The running model.

    Attributes:
        image_hash: SHA-256 TLV of the running image.
        arena_used: bytes of arena the model uses, by the board's own figure.
        arena_bytes: bytes of arena there are.
        macs: multiply-accumulates of one inference, where the board knows.
        input: the input tensor.
        output: the output tensor.
    """

    image_hash: bytes
    arena_used: int
    arena_bytes: int
    macs: int | None
    input: TensorSpec
    output: TensorSpec


@dataclass(frozen=True)
class Health:
    """How a board is.

    Attributes:
        reset_reason: why it last started.
        uptime_ms: milliseconds since then.
        faults: faults since power-on.
        last_fault: words for the last fault, or for why the model does not load.
        security_floor: security counter below which the board boots no image.
    """

    reset_reason: ResetReason
    uptime_ms: int
    faults: int
    last_fault: str | None
    security_floor: int = 0


@dataclass(frozen=True)
class InferenceResult:
    """What the board computed.

    Attributes:
        outputs: stored values ``(n, *output.shape[1:])`` of the output's dtype.
        microseconds: time of each inference by the board's clock, int64 ``(n,)``; 0 where the board cannot tell.
    """

    outputs: Array
    microseconds: npt.NDArray[np.int64]
