"""What a board's answer says: the response, or why it refuses."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

import cbor2
from pydantic import ValidationError
from smp.error import MGMT_ERR, ErrorV1, ErrorV2
from smp.message import ReadResponse, WriteResponse
from smpclient.generics import SMPRequest, error, error_v2

from edge_deployer.session.errors import BoardRefused
from edge_deployer.wire.inference import GROUP, ErrorCode
from edge_deployer.wire.smp import HEADER_BYTES

# smp logs what it cannot parse; here a message that fails is routine. Applications that configure logging still get it.
logging.getLogger("smp").addHandler(logging.NullHandler())

_WORDS = {
    ErrorCode.NO_MODEL: "there is no image that may boot, or it holds no model",
    ErrorCode.ARENA_TOO_SMALL: "the model does not fit the board's arena",
    ErrorCode.UNSUPPORTED_OP: "the model has an operator that the board lacks",
    ErrorCode.MODEL_REFUSED: "TFLM cannot prepare the model",
    ErrorCode.INPUT_CRC: "the inputs arrived damaged",
    ErrorCode.INPUT_LENGTH: "the inputs are not as long as the model's input",
    ErrorCode.BATCH_TOO_BIG: "too many samples in one batch",
    ErrorCode.NO_RESULT: "there is no result to read",
    ErrorCode.STALE_EPOCH: "a newer epoch has claimed the board",
    ErrorCode.IMAGE_TOO_BIG: "the image does not fit the board's slot",
    ErrorCode.SLOT_BUSY: "the spare slot is to boot next, or is what a trial reverts to",
    ErrorCode.BAD_STREAM: "the compressed image cannot be decompressed",
    ErrorCode.WRONG_MODEL: "it runs another image than before: it was reset",
}
_GENERAL_WORDS = {
    MGMT_ERR.EINVAL: "a field of the request is wrong",
    MGMT_ERR.ENOTSUP: "the firmware does not serve this command",
    MGMT_ERR.ENOMEM: "out of memory",
    MGMT_ERR.EMSGSIZE: "the answer does not fit the board's buffer",
    MGMT_ERR.EBADSTATE: "its state does not allow it",
    MGMT_ERR.EBUSY: "it is busy",
}

Response = TypeVar("Response", bound=ReadResponse | WriteResponse)
V1 = TypeVar("V1", bound=ErrorV1)
# smpclient's own bound is the bare generic, too.
V2 = TypeVar("V2", bound=ErrorV2)  # type: ignore[type-arg]


class NoReply(Exception):
    """One attempt got no usable reply."""

    def __init__(self, *, garbled: bool) -> None:
        super().__init__("garbled" if garbled else "silent")
        self.garbled = garbled


def decode_reply(url: str, request: SMPRequest[Response, V1, V2], frame: bytes, what: str) -> Response:
    """The response in a reply.

    Raises:
        NoReply: it is not an answer to this request.
        BoardRefused: the answer is an error.
    """
    for kind in (request._Response, request._ErrorV1, request._ErrorV2):
        try:
            response: Any = kind.loads(frame)
        except (ValidationError, cbor2.CBORDecodeError, ValueError):
            continue
        if error(response):
            raise _refusal(url, response, what)
        found: Response = response
        return found
    raise _unknown_refusal(url, frame, what) or NoReply(garbled=True)


def _refusal(url: str, response: ErrorV1 | V2, what: str) -> BoardRefused:
    if error_v2(response):
        return _group_refusal(url, int(response.err.group), int(response.err.rc), response.err.rc.name, what)
    code = MGMT_ERR(response.rc)
    words = _GENERAL_WORDS.get(code, _readable(code.name))
    return BoardRefused(url, what, group=None, code=int(code), words=words)


def _group_refusal(url: str, group: int, code: int, name: str, what: str) -> BoardRefused:
    words = _WORDS.get(ErrorCode(code)) if group == GROUP and code in set(ErrorCode) else None
    return BoardRefused(url, what, group=group, code=code, words=words or _readable(name))


def _unknown_refusal(url: str, frame: bytes, what: str) -> BoardRefused | None:
    """An error code that neither smp nor this project knows; None if the frame is not an error at all."""
    try:
        fields = cbor2.loads(frame[HEADER_BYTES:])
    except (cbor2.CBORDecodeError, ValueError):
        return None
    match fields:
        case {"err": {"group": int(group), "rc": int(code)}}:
            return _group_refusal(url, group, code, "an error that is not in its group's specification", what)
        case {"rc": int(code)} if code:
            return BoardRefused(url, what, group=None, code=code, words="an error that MCUmgr does not have")
    return None


def _readable(name: str) -> str:
    return name.lower().replace("_", " ")
