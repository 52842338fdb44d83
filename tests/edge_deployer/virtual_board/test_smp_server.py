"""The SMP server's answers to requests that no client should send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from smp.error import MGMT_ERR
from smp.image_management import IMG_MGMT_ERR

from edge_deployer.profile import load_profile
from edge_deployer.virtual_board.image_group import ImageGroup
from edge_deployer.virtual_board.os_group import OsGroup
from edge_deployer.virtual_board.partitions import Flash
from edge_deployer.virtual_board.smp_server import SmpServer
from edge_deployer.virtual_board.spare_slot import SpareSlot
from edge_deployer.wire.smp import HEADER_BYTES, Header, whole_message
from tests.edge_deployer.virtual_board.small_board import Meter

BUFFER = 512
PROFILE = load_profile("cortex-m4").model_copy(update={"smp_buffer_bytes": BUFFER, "smp_buffer_count": 3})


@pytest.fixture
def server(tmp_path: Path) -> SmpServer:
    flash = Flash(tmp_path, 4096, 512, Meter())
    images = ImageGroup(flash, SpareSlot(flash))
    return SmpServer({0: OsGroup(PROFILE, "bench-1").handlers, 1: images.handlers}, BUFFER)


def message(group: int, command: int, fields: Any, *, op: int = 2, version: int = 1) -> bytes:
    body = fields if isinstance(fields, bytes) else cbor2.dumps(fields)
    return Header(op, version, group, 77, command).before(body)


def ask(server: SmpServer, request: bytes) -> dict[str, Any]:
    answer = server.answer(request)
    assert answer is not None
    asked, head = Header.of(request), whole_message(answer)
    assert asked is not None
    assert head == asked._replace(op=asked.op + 1, version=min(asked.version, 1), length=len(answer) - HEADER_BYTES)
    fields: dict[str, Any] = cbor2.loads(answer[HEADER_BYTES:])
    return fields


def test_echo(server: SmpServer) -> None:
    assert ask(server, message(0, 0, {"d": "hello"})) == {"r": "hello"}


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (message(0, 0, {}), MGMT_ERR.EINVAL),
        (message(0, 0, {"d": 5}), MGMT_ERR.EINVAL),
        (message(0, 0, b"\xff\xff"), MGMT_ERR.EINVAL),
        (message(0, 0, [1]), MGMT_ERR.EINVAL),
        (message(0, 0, {"d": "hello"}, op=0), MGMT_ERR.ENOTSUP),
        (message(0, 200, {}), MGMT_ERR.ENOTSUP),
        (message(9, 0, {}), MGMT_ERR.ENOTSUP),
        (message(0, 0, {"d": "hello"}, version=2), MGMT_ERR.UNSUPPORTED_TOO_NEW),
        (message(0, 0, {"d": "x" * 600}), MGMT_ERR.EMSGSIZE),
    ],
)
def test_general_errors(server: SmpServer, request_bytes: bytes, code: MGMT_ERR) -> None:
    assert ask(server, request_bytes) == {"rc": code}


@pytest.mark.parametrize(
    ("fields", "code", "v1"),
    [
        ({"off": 0, "len": 5000, "data": bytes(40)}, IMG_MGMT_ERR.INVALID_IMAGE_TOO_LARGE, MGMT_ERR.ENOMEM),
        ({"off": 0, "len": 500, "data": bytes(10)}, IMG_MGMT_ERR.INVALID_IMAGE_HEADER, MGMT_ERR.EINVAL),
        ({"off": 0, "len": 500, "data": bytes(40)}, IMG_MGMT_ERR.INVALID_IMAGE_HEADER_MAGIC, MGMT_ERR.EINVAL),
        ({"off": 0, "len": 500, "image": 1, "data": bytes(40)}, IMG_MGMT_ERR.INVALID_SLOT, MGMT_ERR.EINVAL),
        ({"off": 7, "data": bytes(40)}, IMG_MGMT_ERR.INVALID_OFFSET, MGMT_ERR.EINVAL),
    ],
)
def test_upload_errors_in_both_versions(
    server: SmpServer, fields: dict[str, Any], code: IMG_MGMT_ERR, v1: MGMT_ERR
) -> None:
    assert ask(server, message(1, 1, fields)) == {"err": {"group": 1, "rc": code}}
    assert ask(server, message(1, 1, fields, version=0)) == {"rc": v1}


def test_an_unknown_hash_cannot_be_tested(server: SmpServer) -> None:
    answer = ask(server, message(1, 0, {"hash": bytes(32)}))
    assert answer == {"err": {"group": 1, "rc": IMG_MGMT_ERR.HASH_NOT_FOUND}}


@given(st.binary(max_size=60))
def test_noise_never_breaks_the_server(data: bytes) -> None:
    OS_ONLY.answer(data)


OS_ONLY = SmpServer({0: OsGroup(PROFILE, "bench-1").handlers}, BUFFER)
