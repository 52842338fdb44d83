"""Does a release fit a board? The one place that says so, by the board's profile and before anything is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_deployer.profile import BoardProfile

WRAPPING_BYTES = 184
"""What a signed image has at least around its model and its manifest: header, TLVs, hashes, ed25519 signature.

MCUboot's trailer is not among it: `BoardProfile.image_bytes` leaves it out already.
"""

_REMEDIES = {
    "flash": "make the model smaller, or choose a board with larger slots",
    "arena": "make the model's activations smaller, or choose a board with more RAM",
}


@dataclass(frozen=True)
class Misfit:
    """What a board has too little of.

    Attributes:
        of: the slot in flash, or the tensor arena.
        needed: bytes of the signed image, or of the arena.
        limit: bytes that the board has for it.
    """

    of: Literal["flash", "arena"]
    needed: int
    limit: int

    def describe(self, board: str) -> str:
        """The reason in words; `board` is what to call the board."""
        if self.of == "flash":
            return f"the release image has {self.needed:,} bytes; a slot of {board} holds {self.limit:,}"
        return f"the model needs an arena of {self.needed:,} bytes; {board} has {self.limit:,}"

    @property
    def remedy(self) -> str:
        """What helps."""
        return _REMEDIES[self.of]


def misfit(profile: BoardProfile, *, image_bytes: int, arena_bytes: int | None) -> Misfit | None:
    """What keeps a release from running on boards of a profile; None if nothing does.

    Args:
        profile: the boards.
        image_bytes: size of the signed image.
        arena_bytes: smallest arena in which TFLM runs the model; None where nobody knows.
    """
    if image_bytes > profile.image_bytes:
        return Misfit("flash", image_bytes, profile.image_bytes)
    if arena_bytes is not None and arena_bytes > profile.arena_bytes:
        return Misfit("arena", arena_bytes, profile.arena_bytes)
    return None


def smallest_image(model_bytes: int) -> int:
    """Bytes that the signed image of a model has at least; what its manifest takes is known once there is one."""
    return model_bytes + WRAPPING_BYTES
