"""What PromotionGate raises."""

from __future__ import annotations

from edge_deployer.errors import TinyopsError


class NotPromoted(TinyopsError):
    """The release does not run on the production boards; the message is the report's reason."""
