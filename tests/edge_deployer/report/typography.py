"""Text as a keyboard has it."""

from __future__ import annotations

from edge_deployer.report import formats


def plain(text: str) -> str:
    """With ordinary spaces and minus signs."""
    return text.replace(formats.NARROW_SPACE, " ").replace(formats.MINUS, "-")
