"""The specification of the inference group as C code: zcbor makes it, and it reads and writes what our Python does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cbor2
import pytest
from smp.message import Request, Response
from smpclient import SMPClient
from smpclient.generics import SMPRequest
from smpclient.transport.serial import SMPSerialTransport

from edge_deployer.tensors import TensorSpec
from edge_deployer.wire import inference
from edge_deployer.wire.inference import TensorMap
from edge_deployer.wire.smp import HEADER_BYTES
from tests.edge_deployer.sessions import put_on_trial, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard

ROOT = Path(__file__).resolve().parents[2]
SPECIFICATION = ROOT / "docs" / "inference-group.cddl"
COMPILER = shutil.which("gcc") or shutil.which("cc")
DECLARED = re.compile(r"int cbor_decode_(\w+)\(\s*const uint8_t \*payload, size_t payload_len,\s*(.+?) ?\*result,")
LONG = bytes(range(256)) * 3
INPUT = TensorMap.from_spec(TensorSpec("int8", (1, 49, 10, 1), scale=0.5847, zero_point=83))
OUTPUT = TensorMap.from_spec(TensorSpec("float32", (1, 12)))
PYTHON: dict[str, Sequence[Request | Response]] = {
    "info-read-request": [inference.InfoReadRequest(), inference.InfoReadRequest(rev=inference.REVISION)],
    "info-read-response": [
        inference.InfoReadResponse(
            sha=LONG[:32], arena=21000, arena_size=262144, macs=2656768, input=INPUT, output=OUTPUT
        ),
        inference.InfoReadResponse(sha=LONG[:32], arena=0, arena_size=1, input=OUTPUT, output=INPUT),
        inference.InfoReadResponse(
            sha=LONG[:32], arena=0, arena_size=1, macs=7, input=INPUT, output=INPUT, rev=inference.REVISION, caps=3
        ),
    ],
    "run-write-request": [
        inference.RunWriteRequest(off=0, data=LONG, len=1 << 20, n=32, crc=0xFFFFFFFF),
        inference.RunWriteRequest(off=0, data=b"", len=1, n=1, crc=0, sha=LONG[: inference.IMAGE_MARK_BYTES]),
        inference.RunWriteRequest(off=0, data=LONG, len=1, n=1, crc=0, epoch=(1 << 64) - 1),
        inference.RunWriteRequest(off=768, data=LONG),
    ],
    "run-write-response": [
        inference.RunWriteResponse(off=768),
        inference.RunWriteResponse(off=9, len=3, crc=7, icrc=8, us=[0, 0xFFFFFFFF, 5], data=LONG),
    ],
    "run-read-request": [inference.RunReadRequest(off=1 << 20)],
    "run-read-response": [inference.RunReadResponse(off=0, data=LONG)],
    "health-read-request": [inference.HealthReadRequest()],
    "health-read-response": [
        inference.HealthReadResponse(reset=0, up=1 << 40, faults=0),
        inference.HealthReadResponse(reset=2, up=0, faults=3, fault="SIGSEGV, Größe", floor=4),
    ],
    "claim-read-request": [inference.ClaimReadRequest()],
    "claim-read-response": [inference.ClaimReadResponse(epoch=(1 << 64) - 1, rev=inference.REVISION, caps=3)],
    "claim-write-request": [inference.ClaimWriteRequest(epoch=(1 << 64) - 1)],
    "claim-write-response": [inference.ClaimWriteResponse(epoch=0)],
    "upload-read-request": [inference.UploadReadRequest()],
    "upload-read-response": [inference.UploadReadResponse(codec=1, window=4096, lc=0, lp=0, pb=0)],
    "upload-write-request": [
        inference.UploadWriteRequest(off=0, data=LONG, len=9000, size=53936, sha=LONG[:32]),
        inference.UploadWriteRequest(
            off=0, data=LONG, len=9000, size=53936, sha=LONG[:32], at=40960, codec=0, epoch=(1 << 64) - 1
        ),
        inference.UploadWriteRequest(off=768, data=LONG),
    ],
    "upload-write-response": [
        inference.UploadWriteResponse(off=768),
        inference.UploadWriteResponse(off=9000, match=False),
    ],
    "pages-read-request": [inference.PagesReadRequest(off=4096, n=inference.MAX_PAGES)],
    "pages-read-response": [
        inference.PagesReadResponse(off=0, page=4096, size=507904, crc=[]),
        inference.PagesReadResponse(off=4096, page=4096, size=507904, crc=[0xFFFFFFFF] * inference.MAX_PAGES),
    ],
}
MESSAGES: dict[str, list[dict[str, Any]]] = {
    **{name: [cbor2.loads(message.BYTES[HEADER_BYTES:]) for message in messages] for name, messages in PYTHON.items()},
    "error-response": [{"err": {"group": inference.GROUP, "rc": code.value}} for code in inference.ErrorCode if code],
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "info-read-response": [{**MESSAGES["info-read-response"][0], "sha": LONG[:31]}],
    "run-write-request": [{**MESSAGES["run-write-request"][0], "n": inference.MAX_BATCH + 1}, {"off": -1, "data": b""}],
    "health-read-response": [{"reset": 3, "up": 0, "faults": 0}],
    "claim-write-request": [{}, {"epoch": "1"}],
    "upload-write-request": [{"off": 0, "data": b"", "len": 1, "size": 1, "sha": b""}],
    "pages-read-request": [{"off": 0}, {"off": 0, "n": 0}],
    "error-response": [{"err": {"group": 64, "rc": 1}}, {"err": {"group": inference.GROUP, "rc": 0}}],
}

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


def entry_types() -> list[str]:
    return re.findall(r"^([a-z-]+-(?:request|response)) = ", SPECIFICATION.read_text(), re.MULTILINE)


@pytest.fixture(scope="session")
def codec(interop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that decodes a message of the type that it is given, and encodes it again."""
    folder = tmp_path_factory.mktemp("zcbor")
    generate = [interop / "zcbor", "code", "--cddl", SPECIFICATION, "--decode", "--encode", "--copy-sources"]
    generate += ["--default-bit-size", "64", "--oc", folder / "group.c", "--oh", folder / "group.h"]
    subprocess.run([*generate, "--entry-types", *entry_types()], check=True, capture_output=True)
    (folder / "main.c").write_text(main_program((folder / "group_decode.h").read_text()))
    program = folder / "codec"
    assert COMPILER is not None
    build = [COMPILER, "-O1", "-Wall", "-I", folder, "-o", program, *folder.glob("*.c")]
    subprocess.run(build, check=True, capture_output=True)
    return program


def main_program(header: str) -> str:
    cases = []
    for function, result in DECLARED.findall(header):
        held = "char" if result == "void" else result
        cases.append(
            f'  if (!strcmp(argv[1], "{function}")) {{\n'
            f"    static {held} message;\n"
            f"    if (cbor_decode_{function}(in, length, &message, &used) || used != length) return 2;\n"
            f"    if (cbor_encode_{function}(out, sizeof(out), &message, &used)) return 3;\n"
            "    return fwrite(out, 1, used, stdout) == used ? 0 : 4;\n  }\n"
        )
    return (
        '#include <stdio.h>\n#include <string.h>\n#include "group_decode.h"\n#include "group_encode.h"\n'
        "int main(int argc, char **argv) {\n  static uint8_t in[4096], out[4096];\n"
        "  size_t length = fread(in, 1, sizeof(in), stdin), used = 0;\n  if (argc != 2) return 1;\n"
        + "".join(cases)
        + "  return 1;\n}\n"
    )


def through_c(codec: Path, name: str, message: bytes) -> tuple[int, bytes]:
    command = [codec, name.replace("-", "_")]
    done = subprocess.run(command, input=message, capture_output=True, check=False)
    return done.returncode, done.stdout


def test_every_message_of_the_specification_has_samples() -> None:
    assert sorted(MESSAGES) == sorted(entry_types())


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_what_python_writes_c_reads_and_what_c_writes_python_reads(codec: Path, name: str) -> None:
    for message in MESSAGES[name]:
        status, written = through_c(codec, name, cbor2.dumps(message, canonical=True))
        assert status == 0, message
        assert cbor2.loads(written) == message


@pytest.mark.parametrize("name", sorted(WRONG))
def test_c_refuses_what_the_specification_does_not_allow(codec: Path, name: str) -> None:
    for message in WRONG[name]:
        assert through_c(codec, name, cbor2.dumps(message, canonical=True))[0] == 2, message


async def test_c_reads_what_a_board_answers(codec: Path, board: RunningBoard, identity_image: bytes) -> None:
    async with session_with(board.url, line_rate=0) as session:
        await put_on_trial(session, identity_image)
    inputs = bytes(4)
    asked: dict[str, SMPRequest[Any, Any, Any]] = {
        "info-read-response": inference.InfoReadRequest(rev=inference.REVISION),
        "run-write-response": inference.RunWriteRequest(off=0, data=inputs, len=4, n=1, crc=inference.crc32(inputs)),
        "run-read-response": inference.RunReadRequest(off=0),
        "health-read-response": inference.HealthReadRequest(),
        "claim-read-response": inference.ClaimReadRequest(),
        "claim-write-response": inference.ClaimWriteRequest(epoch=7),
        "pages-read-response": inference.PagesReadRequest(off=0, n=inference.MAX_PAGES),
        "upload-read-response": inference.UploadReadRequest(),
        "error-response": inference.ClaimWriteRequest(epoch=6),
    }
    async with SMPClient(SMPSerialTransport(), board.url, 10.0) as client:
        for name, request in asked.items():
            answer = (await client.request(request, 10.0)).smp_data[HEADER_BYTES:]
            status, written = through_c(codec, name, answer)
            assert status == 0, (name, cbor2.loads(answer))
            assert cbor2.loads(written) == cbor2.loads(answer)
