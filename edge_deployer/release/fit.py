"""Does a release fit a board? The one place that says so, by the board's profile and before anything is installed."""

from __future__ import annotations

from collections.abc import Sequence

from edge_deployer.finding import Finding
from edge_deployer.profile import BoardProfile
from edge_deployer.release.refusals import AnotherProfile, Misfit

WRAPPING_BYTES = 184
"""What a signed image has at least around its model and its manifest: header, TLVs, hashes, ed25519 signature.

MCUboot's trailer is not among it: `BoardProfile.image_bytes` leaves it out already.
"""


def misfit(
    profile: BoardProfile,
    *,
    board: str,
    image_bytes: int,
    arena_bytes: int | None,
    profiles: Sequence[str] | None = None,
) -> Finding | None:
    """What keeps a release from boards of a profile; None if nothing does.

    Args:
        profile: theirs.
        board: what each is called.
        image_bytes: of the signed image.
        arena_bytes: smallest arena in which TFLM runs the model; None where nobody knows.
        profiles: names of those that the release states it is for; None where it is for all that it fits.
    """
    if profiles is not None and profile.name not in profiles:
        return AnotherProfile(board=board, profile=profile.name, profiles=tuple(profiles))
    if image_bytes > profile.image_bytes:
        return Misfit(of="flash", board=board, needed=image_bytes, limit=profile.image_bytes)
    if arena_bytes is not None and arena_bytes > profile.arena_bytes:
        return Misfit(of="arena", board=board, needed=arena_bytes, limit=profile.arena_bytes)
    return None


def smallest_image(model_bytes: int) -> int:
    """Bytes that the signed image of a model has at least; what its manifest takes is known once there is one."""
    return model_bytes + WRAPPING_BYTES
