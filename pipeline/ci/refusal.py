"""A refusal is an answer, not a fault."""

from __future__ import annotations

from edge_deployer.errors import TinyopsError


class ReleaseRefused(TinyopsError):
    """The run did its work, and the release does not run on the production boards."""
