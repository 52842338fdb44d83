"""SMP group 65, "inference": commands, fields, error codes. Specified in ``docs/inference-group.md``."""

from __future__ import annotations

import math
import zlib
from enum import IntEnum, IntFlag
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from smp import error, message

from edge_deployer.tensors import TensorSpec

GROUP = 65
"""Group number; 64 and above are for applications."""

REVISION = 2
"""Revision of the group that is written here; a board that does not tell one has revision 1."""

MAX_BATCH = 32
"""Most samples in one run: bounds the list of times in the reply."""

RUN_REPLY_OVERHEAD = 64
"""Bytes of a run reply besides the list of times and the data: header, keys, offset, length, CRC."""

BYTES_PER_TIME = 5
"""Most bytes of one entry in a run reply's list of times: a 32-bit number in CBOR."""

IMAGE_MARK_BYTES = 8
"""Bytes of the image's hash that a run request names the image by."""


MAX_PAGES = 128
"""Most checksums of pages in one answer."""

PAGES_REPLY_OVERHEAD = 64
"""Bytes of an answer of page checksums besides the list: header, keys, offset, page size, capacity."""

BYTES_PER_CHECKSUM = 5
"""Most bytes of one entry in that list: a 32-bit number in CBOR."""


class Command(IntEnum):
    """Commands of the group."""

    INFO = 0
    RUN = 1
    HEALTH = 2
    CLAIM = 3
    UPLOAD = 4
    PAGES = 5


class Capability(IntFlag):
    """``caps``: what a board of revision 2 can do; bits that are not here are of later revisions."""

    FENCE = 1  # `run` and `upload` heed `epoch`.
    PAGES = 2  # The command `pages`, and `upload` with `at` and with `Codec.STORED`.


class ErrorCode(IntEnum):
    """``err.rc`` of the group."""

    OK = 0
    UNKNOWN = 1
    NO_MODEL = 2
    ARENA_TOO_SMALL = 3
    UNSUPPORTED_OP = 4
    MODEL_REFUSED = 5
    INPUT_CRC = 6
    INPUT_LENGTH = 7
    BATCH_TOO_BIG = 8
    NO_RESULT = 9
    STALE_EPOCH = 10
    IMAGE_TOO_BIG = 11
    SLOT_BUSY = 12
    BAD_STREAM = 13
    WRONG_MODEL = 14


class ResetReason(IntEnum):
    """Why the board started."""

    POWER_ON = 0
    SOFTWARE = 1
    FAULT = 2


class Codec(IntEnum):
    """What the stream of an upload is."""

    STORED = 0  # The image's bytes as they are.
    LZMA1 = 1


Epoch = Annotated[int, Field(ge=0, lt=1 << 64)]
"""Who holds the board: the greater, the newer."""

_DTYPE_CODES = {"float32": 0, "int8": 1, "uint8": 2, "int16": 3, "int32": 4, "int64": 5, "bool": 6}
_DTYPE_NAMES = {code: name for name, code in _DTYPE_CODES.items()}
_FLOAT32_MANTISSA_BITS = 24


class TensorMap(BaseModel):
    """A tensor on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    t: int  # Dtype code.
    s: list[int]  # Shape.
    # Mantissa, exponent, zero point, the scale being mantissa * 2 ** exponent; absent if not quantised.
    q: tuple[int, int, int] | None = None

    @classmethod
    def from_spec(cls, spec: TensorSpec) -> TensorMap:
        """The map for a tensor; its scale is rounded to float32, which is what TFLite files hold."""
        scale = None if spec.scale is None else (*_split_scale(spec.scale), spec.zero_point)
        return cls(t=_DTYPE_CODES[spec.dtype], s=list(spec.shape), q=scale)

    def to_spec(self) -> TensorSpec:
        """Inverse of `from_spec`.

        Raises:
            ValueError: a dtype that the group does not have, a dimension below 1, or a scale that is not positive.
        """
        if self.t not in _DTYPE_NAMES:
            raise ValueError(f"dtype {self.t} is not one of the inference group's")
        if any(size < 1 for size in self.s):
            raise ValueError(f"a tensor of shape {self.s} holds nothing")
        dtype, shape = _DTYPE_NAMES[self.t], tuple(self.s)
        if self.q is None:
            return TensorSpec(dtype, shape)
        return TensorSpec(dtype, shape, _join_scale(*self.q[:2]), self.q[2])


def _split_scale(scale: float) -> tuple[int, int]:
    fraction, exponent = math.frexp(float(np.float32(scale)))
    return int(math.ldexp(fraction, _FLOAT32_MANTISSA_BITS)), exponent - _FLOAT32_MANTISSA_BITS


def _join_scale(mantissa: int, exponent: int) -> float:
    try:
        scale = math.ldexp(mantissa, exponent)
    except OverflowError:
        scale = math.inf
    if not 0 < scale < math.inf:
        raise ValueError(f"{mantissa} * 2 ** {exponent} is not a scale")
    return scale


def crc32(data: bytes) -> int:
    """CRC-32 as in IEEE 802.3 and zip."""
    return zlib.crc32(data)


def fields(response: message.Response) -> dict[str, Any]:
    """The CBOR map of a response, without the members that smp adds to every message."""
    return response.model_dump(exclude_none=True, exclude={"header", "version", "sequence", "smp_data"})


class InferenceErrorV1(error.ErrorV1):
    """An error in SMP version 1."""

    _GROUP_ID = GROUP


class InferenceErrorV2(error.ErrorV2[ErrorCode]):
    """An error in SMP version 2."""

    _GROUP_ID = GROUP


class _Request:
    """What smpclient asks of a request besides its `_Response`: the errors that it may be answered with."""

    _ErrorV1, _ErrorV2 = InferenceErrorV1, InferenceErrorV2


class InfoReadResponse(message.ReadResponse):
    """The running model."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.INFO

    sha: bytes  # SHA-256 of the running image, as in the image group.
    arena: int  # Bytes of the arena the model uses.
    arena_size: int  # Bytes of the arena.
    macs: int | None = None  # Multiply-accumulates of one inference, where the board knows.
    input: TensorMap
    output: TensorMap
    # For a client that names a revision:
    rev: int | None = None  # The board's revision of the group.
    caps: int | None = None  # See `Capability`.


class InfoReadRequest(message.ReadRequest, _Request):
    """Ask what model runs."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.INFO, InfoReadResponse

    rev: int | None = Field(default=None, ge=1, le=65535)  # The newest revision that the client knows.


class RunWriteResponse(message.WriteResponse):
    """How much of the batch has arrived; once it has run, also the first chunk of outputs."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.RUN

    off: int  # Bytes of inputs received.
    len: int | None = None  # Bytes of all outputs.
    crc: int | None = None  # CRC-32 of all outputs.
    icrc: int | None = None  # CRC-32 of the inputs that they are of: an answer that comes late names its question.
    us: list[int] | None = None  # Microseconds of each sample; 0 where the board cannot tell.
    data: bytes | None = None  # Outputs from offset 0.


class RunWriteRequest(message.WriteRequest, _Request):
    """Send a chunk of a batch of inputs; the chunk that completes the batch runs it."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.RUN, RunWriteResponse

    off: int = Field(ge=0)  # Offset of `data` in the batch.
    data: bytes
    # With the first chunk, whose `off` is 0:
    len: int | None = Field(default=None, ge=0)  # Bytes of the whole batch.
    n: int | None = Field(default=None, ge=1)  # Samples in the batch.
    crc: int | None = None  # CRC-32 of the whole batch.
    sha: bytes | None = Field(default=None, max_length=32)  # How the hash of the image starts that is to run it.
    epoch: Epoch | None = None  # Of who asks.


class RunReadResponse(message.ReadResponse):
    """A chunk of outputs."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.RUN

    off: int
    data: bytes


class RunReadRequest(message.ReadRequest, _Request):
    """Ask for outputs of the last batch from an offset."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.RUN, RunReadResponse

    off: int = Field(ge=0)


class HealthReadResponse(message.ReadResponse):
    """How the board is."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.HEALTH

    reset: int  # Why it last started (`ResetReason`).
    up: int  # Milliseconds since then.
    faults: int  # Faults since power-on.
    fault: str | None = None  # Words for the last fault or refused model.
    floor: int | None = None  # Security counter below which no image boots, where the board keeps one.


class HealthReadRequest(message.ReadRequest, _Request):
    """Ask how the board is."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.HEALTH, HealthReadResponse


class ClaimWriteResponse(message.WriteResponse):
    """The epoch the board now holds."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.CLAIM

    epoch: int


class ClaimWriteRequest(message.WriteRequest, _Request):
    """Take the board for an epoch; the board refuses an epoch older than it has seen."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.CLAIM, ClaimWriteResponse

    epoch: Epoch


class ClaimReadResponse(message.ReadResponse):
    """Who holds the board, and what it can do; it needs no model."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.CLAIM

    epoch: int  # The newest epoch that claimed the board; 0 if none did.
    rev: int  # The board's revision of the group.
    caps: int  # See `Capability`.


class ClaimReadRequest(message.ReadRequest, _Request):
    """Ask who holds the board."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.CLAIM, ClaimReadResponse


class UploadReadResponse(message.ReadResponse):
    """The stream that the board can decompress."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.UPLOAD

    codec: int  # See `Codec`.
    window: int  # Bytes of the dictionary, at most this.
    lc: int  # LZMA's literal context bits.
    lp: int  # LZMA's literal position bits.
    pb: int  # LZMA's position bits.


class UploadReadRequest(message.ReadRequest, _Request):
    """Ask whether and how the board takes compressed images."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.UPLOAD, UploadReadResponse


class UploadWriteResponse(message.WriteResponse):
    """How much of the stream has arrived."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.UPLOAD

    off: int  # Bytes of the stream that have arrived.
    match: bool | None = None  # With the last chunk, whether the slot's SHA-256 is the one told.


class UploadWriteRequest(message.WriteRequest, _Request):
    """Send a chunk of a stream that is an image, or the rest of one, to the spare slot."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.UPLOAD, UploadWriteResponse

    off: int = Field(ge=0)  # Offset of `data` in the stream.
    data: bytes
    # With the first chunk, whose `off` is 0:
    len: int | None = Field(default=None, ge=1)  # Bytes of the stream.
    size: int | None = Field(default=None, ge=1)  # Bytes of the image.
    sha: bytes | None = Field(default=None, min_length=32, max_length=32)  # SHA-256 of the image file.
    at: int | None = Field(default=None, ge=0)  # Offset in the image where the stream goes on; whole pages.
    codec: int | None = None  # See `Codec`; absent for LZMA1.
    epoch: Epoch | None = None  # Of who asks.


class PagesReadResponse(message.ReadResponse):
    """What the flash of the spare slot holds."""

    _GROUP_ID, _COMMAND_ID = GROUP, Command.PAGES

    off: int  # Offset in the slot of the first page.
    page: int  # Bytes of a page.
    size: int  # Bytes of the largest image that the slot takes.
    crc: list[int]  # CRC-32 of each page from there.


class PagesReadRequest(message.ReadRequest, _Request):
    """Ask for checksums of pages of the spare slot."""

    _GROUP_ID, _COMMAND_ID, _Response = GROUP, Command.PAGES, PagesReadResponse

    off: int = Field(ge=0)  # Offset in the slot of the first page.
    n: int = Field(ge=1, le=65535)  # Pages that are wanted; an answer has as many as fit.
