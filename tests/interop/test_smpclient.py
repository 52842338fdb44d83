"""smpclient's own transports and upload against a virtual board, and our session beside it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from smpclient import SMPClient
from smpclient.generics import error, success
from smpclient.requests.image_management import ImageStatesRead, ImageStatesWrite, ImageUploadWrite
from smpclient.requests.os_management import BootloaderInformationRead, MCUMgrParametersRead, OSApplicationInfoRead
from smpclient.requests.statistics_management import GroupData, ListOfGroups
from smpclient.transport import SMPTransport
from smpclient.transport.serial import SMPSerialRawTransport, SMPSerialTransport
from smpclient.transport.udp import IPV4_UDP_OVERHEAD, SMPUDPTransport

from edge_deployer.profile import load_profile
from edge_deployer.wire.framing import FramingName
from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer import tiny_models
from tests.edge_deployer.sessions import put_for_good, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board

BUFFER = 1024
TIMEOUT_S = 10.0


class UdpByUrl(SMPUDPTransport):
    """Takes the port from a URL; whoever uses smpclient's has to give it beside the address."""

    async def connect(self, address: str, timeout_s: float, port: int = 1337) -> None:
        parts = urlsplit(address)
        await super().connect(str(parts.hostname), timeout_s, parts.port or port)


TRANSPORTS: dict[str, Callable[[], SMPTransport]] = {
    "console": SMPSerialTransport,
    "raw": lambda: SMPSerialRawTransport(mtu=BUFFER),
    "udp": lambda: UdpByUrl(mtu=BUFFER + IPV4_UDP_OVERHEAD),
}


@dataclasses.dataclass(frozen=True)
class Line:
    """A board, and the stock transport that fits its framing."""

    board: RunningBoard
    transport: Callable[[], SMPTransport]

    @asynccontextmanager
    async def client(self) -> AsyncIterator[SMPClient]:
        async with SMPClient(self.transport(), self.board.url, TIMEOUT_S) as client:
            yield client


@pytest.fixture(params=TRANSPORTS)
def line(request: pytest.FixtureRequest, tmp_path: Path, signer: Signer) -> Iterator[Line]:
    udp = request.param == "udp"
    line = {"framing": "console" if udp else request.param, "smp_buffer_bytes": BUFFER}
    profile = load_profile("cortex-m4").model_copy(update=line)
    path = tmp_path / "profile.yaml"
    path.write_text(yaml.safe_dump(profile.model_dump()))
    with running_board(tmp_path / "board", signer.public_key, profile=str(path), udp=udp) as board:
        yield Line(board, TRANSPORTS[request.param])


@pytest.fixture(scope="module")
def large_image(signer: Signer) -> bytes:
    """An image of many messages."""
    return signer.sign(tiny_models.identity_classifier(classes=200), "3.0.0")


async def test_smpclients_own_upload_arrives(line: Line, large_image: bytes) -> None:
    async with line.client() as client:
        offsets = [offset async for offset in client.upload(large_image, first_timeout_s=TIMEOUT_S)]
        assert offsets[-1] == len(large_image)
        assert offsets == sorted(offsets)
        (state,) = (await client.request(ImageStatesRead(), TIMEOUT_S)).images
        assert (state.slot, bytes(state.hash)) == (1, parse_image(large_image).hash)


async def test_smpclient_and_our_session_read_the_same_parameters(line: Line) -> None:
    async with line.client() as client:
        theirs = await client.request(MCUMgrParametersRead(), TIMEOUT_S)
    async with session_with(line.board.url, line_rate=0, framing=framing_of(line)) as session:
        ours = await session.parameters()
    assert (ours.buffer_bytes, ours.buffer_count) == (theirs.buf_size, theirs.buf_count)
    assert ours.buffer_bytes == BUFFER


async def test_our_session_finishes_what_smpclient_uploaded(line: Line, large_image: bytes) -> None:
    digest = parse_image(large_image).hash
    async with line.client() as client:
        async for _ in client.upload(large_image, first_timeout_s=TIMEOUT_S):
            pass
    async with session_with(line.board.url, line_rate=0, framing=framing_of(line)) as session:
        progress: list[tuple[int, int]] = []
        await session.install(large_image, lambda done, total: progress.append((done, total)))
        assert progress == [(len(large_image), len(large_image))], "it is on the board and is not sent again"
        await session.test(digest)
        await session.reset()
        await session.confirm()
    async with line.client() as client:
        (state,) = (await client.request(ImageStatesRead(), TIMEOUT_S)).images
        assert state.active
        assert state.confirmed


async def test_an_upload_goes_on_at_the_offset_that_the_board_answers(line: Line, large_image: bytes) -> None:
    """What Zephyr documents of `off`: an upload of the same length and SHA-256 goes on where it stopped."""
    first = ImageUploadWrite(
        off=0, data=large_image[:400], image=0, len=len(large_image), sha=hashlib.sha256(large_image).digest()
    )
    async with line.client() as client:
        assert (await client.request(first, TIMEOUT_S)).off == 400
        assert (await client.request(ImageUploadWrite(off=399, data=b"x"), TIMEOUT_S)).off == 400, "not what it expects"
        assert (await client.request(first, TIMEOUT_S)).off == 400, "the same upload again"
        rest = large_image[400:]
        offset, answer = 400, None
        while offset < len(large_image):
            answer = await client.request(ImageUploadWrite(off=offset, data=rest[offset - 400 : offset]), TIMEOUT_S)
            offset = answer.off
        assert answer is not None
        assert answer.match


async def test_a_wrong_sha_is_no_match(line: Line, identity_image: bytes) -> None:
    chunk = ImageUploadWrite(off=0, data=identity_image[:400], image=0, len=len(identity_image), sha=bytes(32))
    async with line.client() as client:
        offset = (await client.request(chunk, TIMEOUT_S)).off
        while offset < len(identity_image):
            answer = await client.request(
                ImageUploadWrite(off=offset, data=identity_image[offset : offset + 400]), TIMEOUT_S
            )
            offset = answer.off
        assert answer.match is False


async def test_the_upgrade_flag_refuses_what_is_not_newer(line: Line, identity_image: bytes, signer: Signer) -> None:
    async with session_with(line.board.url, line_rate=0, framing=framing_of(line)) as session:
        await put_for_good(session, identity_image)
    newer = signer.sign(tiny_models.rotating_classifier(), "1.0.1")
    older = signer.sign(tiny_models.rotating_classifier(), "0.9.9")
    async with line.client() as client:
        assert error(await client.request(_first_chunk(older, upgrade=True), TIMEOUT_S))
        assert success(await client.request(_first_chunk(newer, upgrade=True), TIMEOUT_S))
        assert success(await client.request(_first_chunk(older, upgrade=False), TIMEOUT_S))


async def test_the_board_tells_its_boot_loader_its_application_and_its_statistics(line: Line) -> None:
    async with line.client() as client:
        assert (await client.request(BootloaderInformationRead(), TIMEOUT_S)).bootloader == "MCUboot"
        assert success(await client.request(OSApplicationInfoRead(format="a"), TIMEOUT_S))
        groups = await client.request(ListOfGroups(), TIMEOUT_S)
        assert groups.stat_list
        for name in groups.stat_list:
            assert (await client.request(GroupData(name=name), TIMEOUT_S)).fields


async def test_an_unknown_hash_is_an_error_of_the_image_group(line: Line) -> None:
    async with line.client() as client:
        answer = await client.request(ImageStatesWrite(hash=bytes(32), confirm=False), TIMEOUT_S)
    assert error(answer)


def framing_of(line: Line) -> FramingName:
    return "raw" if line.transport is TRANSPORTS["raw"] else "console"


def _first_chunk(image: bytes, *, upgrade: bool) -> ImageUploadWrite:
    sha = hashlib.sha256(image).digest()
    return ImageUploadWrite(off=0, data=image[:400], image=0, len=len(image), sha=sha, upgrade=upgrade)
