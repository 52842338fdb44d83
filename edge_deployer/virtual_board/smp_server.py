"""The SMP server: takes a message, gives it to its group, wraps the answer or the error.

Source: Zephyr's "SMP Protocol Specification" and its `smp.c`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cbor2
from pydantic import ValidationError
from smp.error import MGMT_ERR
from smp.header import OP

from edge_deployer.wire.framing import FRAMINGS, Framing
from edge_deployer.wire.smp import HEADER_BYTES, NEWEST_VERSION, Header, whole_message

Fields = Mapping[str, Any]
_EMPTY_MAP = cbor2.dumps({})
_RESERVED = {"header", "version", "sequence", "smp_data"}
"""Names that smp's message classes give to what is not in the map."""


@dataclass(frozen=True)
class Request:
    """One request for a group.

    Attributes:
        fields: its CBOR map.
        message: header and map as received; an absent map is an empty one.
    """

    fields: dict[str, Any]
    message: bytes


Handler = Callable[[Request], Fields]
Handlers = Mapping[tuple[int, bool], Handler]
"""A group: handlers by command and whether the request is a write."""


class GroupError(Exception):
    """A group refuses a request: with its own code in SMP version 2, with the general one, `v1`, in version 1."""

    def __init__(self, group: int, code: int, v1: MGMT_ERR) -> None:
        super().__init__(f"group {group} error {code}")
        self.group, self.code, self.v1 = group, code, v1


class GeneralError(Exception):
    """A request that no group can take; its general code is the same in both SMP versions."""

    def __init__(self, code: MGMT_ERR) -> None:
        super().__init__(code.name)
        self.code = code


class SmpServer:
    """Answers SMP messages, and counts them; no answer is longer than fits a frame of `buffer_bytes`."""

    def __init__(
        self, groups: Mapping[int, Handlers], buffer_bytes: int, framing: Framing = FRAMINGS["console"]
    ) -> None:
        self.requests, self.answers = 0, 0
        self._groups = groups
        self._longest_message = buffer_bytes - framing.overhead

    def answer(self, message: bytes) -> bytes | None:
        """The answer to a message, or None for what is not an SMP request."""
        header = whole_message(message)
        if header is None or header.op not in {OP.READ, OP.WRITE}:
            return None
        self.requests += 1
        answering = Header(
            header.op + 1, min(header.version, NEWEST_VERSION), header.group, header.sequence, header.command
        )

        def wrap(fields: Fields) -> bytes:
            return answering.before(cbor2.dumps(fields, canonical=True))

        if header.version > NEWEST_VERSION:
            self.answers += 1
            return wrap({"rc": MGMT_ERR.UNSUPPORTED_TOO_NEW.value})
        answer = wrap(self._handle(message, header))
        self.answers += 1
        return answer if len(answer) <= self._longest_message else wrap({"rc": MGMT_ERR.EMSGSIZE.value})

    def _handle(self, message: bytes, header: Header) -> Fields:
        try:
            handler = self._groups.get(header.group, {}).get((header.command, header.op == OP.WRITE))
            if handler is None:
                raise GeneralError(MGMT_ERR.ENOTSUP)
            return handler(Request(_parse(message), message if header.length else message + _EMPTY_MAP))
        except GeneralError as error:
            return {"rc": error.code.value}
        except ValidationError:
            return {"rc": MGMT_ERR.EINVAL.value}
        except GroupError as error:
            if header.version == 0:
                return {"rc": error.v1.value}
            return {"err": {"group": error.group, "rc": error.code}}


def _parse(message: bytes) -> dict[str, Any]:
    try:
        fields = cbor2.loads(message[HEADER_BYTES:]) if len(message) > HEADER_BYTES else {}
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise GeneralError(MGMT_ERR.EINVAL) from error
    if not isinstance(fields, dict) or not all(isinstance(name, str) and name not in _RESERVED for name in fields):
        raise GeneralError(MGMT_ERR.EINVAL)
    return fields


def field(request: Request, name: str, kind: type[Any], default: Any = None) -> Any:
    """A field of a request; without a default it must be there.

    Raises:
        GeneralError: absent or of another type.
    """
    value = request.fields.get(name, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise GeneralError(MGMT_ERR.EINVAL)
    return value
