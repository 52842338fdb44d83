"""What PromotionGate raises."""

from __future__ import annotations

from edge_deployer.errors import Refused


class NotPromoted(Refused):
    """The release does not run on the production boards; the message is the report's reason."""
