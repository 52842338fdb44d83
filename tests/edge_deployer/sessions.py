"""Sessions with boards that are told by URL, line rate and framing, as the virtual boards of tests are."""

from __future__ import annotations

from edge_deployer.profile import load_profile
from edge_deployer.session import DeviceSession
from edge_deployer.transport.board_transport import BoardTransport, open_transport
from edge_deployer.wire.framing import FramingName
from edge_deployer.wire.mcuboot import parse_image


def transport_to(url: str, *, line_rate: int = 115200, framing: FramingName = "console") -> BoardTransport:
    """The way to a board; a line rate of 0 is no limit."""
    line = {"line_rate": line_rate, "framing": framing}
    return open_transport(url, load_profile("cortex-m4").model_copy(update=line))


def session_with(
    url: str,
    *,
    line_rate: int = 115200,
    framing: FramingName = "console",
    epoch: int | None = None,
    request_timeout_s: float = 2.0,
) -> DeviceSession:
    """A session with a board."""
    transport = transport_to(url, line_rate=line_rate, framing=framing)
    return DeviceSession(transport, epoch=epoch, request_timeout_s=request_timeout_s)


async def put_on_trial(session: DeviceSession, image: bytes) -> bytes:
    """The board runs the image unconfirmed; returns the image's hash."""
    image_hash = parse_image(image).hash
    await session.install(image)
    await session.test(image_hash)
    await session.reset()
    return image_hash


async def put_for_good(session: DeviceSession, image: bytes) -> bytes:
    """The board runs the image, confirmed; returns the image's hash."""
    image_hash = await put_on_trial(session, image)
    await session.confirm(image_hash)
    return image_hash
