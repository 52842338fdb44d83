"""Getting a board back to an image that it keeps: whatever was on trial, or waited to be booted, is over."""

from __future__ import annotations

from collections.abc import Sequence

from edge_deployer.session import DeviceSession, SessionError, SlotState

_RESETS_TO_REST = 2


def is_at_rest(images: Sequence[SlotState]) -> bool:
    """Whether the next reset changes nothing: the running image is confirmed, and none waits to be booted."""
    return all(image.confirmed for image in images if image.active) and not any(image.pending for image in images)


async def come_to_rest(session: DeviceSession) -> None:
    """Reset until nothing is on trial: an image that waits boots once, and the reset after that takes it back.

    Raises:
        SessionError: the board does not come to rest.
    """
    for _ in range(_RESETS_TO_REST):
        if is_at_rest(await session.images()):
            return
        await session.reset()
    if not is_at_rest(await session.images()):
        raise SessionError(
            session.url,
            "an image is still on trial or waiting after every reset",
            remedy="read the board's slots with an SMP client and confirm or erase by hand",
        )
