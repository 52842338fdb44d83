"""How deployments ended; where one ended otherwise, the failure says why it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_deployer.report.words import headline
from edge_deployer.rollout.deployment import Deployment, Gate, Outcome


def assert_outcome(told: Deployment | Mapping[str, Any], outcome: Outcome, at: Gate | None = None) -> None:
    """A deployment, or what a command printed of one as JSON, ended so, and at this gate where it was stopped."""
    if isinstance(told, Deployment):
        told = {"outcome": told.outcome, "gate": told.gate, "reason": headline(told)}
    assert (told["outcome"], told["gate"]) == (outcome, at), f"{told['outcome']} at {told['gate']}: {told['reason']}"
