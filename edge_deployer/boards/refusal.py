"""A refusal that is made of what was found: its words are made where it is shown."""

from __future__ import annotations

from edge_deployer.errors import Refused
from edge_deployer.finding import Finding, Told


class RefusedFor(Refused):
    """What was asked for is not done, because of a finding.

    Attributes:
        finding: why.
    """

    def __init__(self, finding: Finding, *, remedy: str = "") -> None:
        super().__init__(finding.code, remedy=remedy)
        self.finding = finding


def why_refused(refusal: Refused) -> Finding:
    """The finding of a refusal, or its message as one."""
    if isinstance(refusal, RefusedFor):
        return refusal.finding
    return Told(text=refusal.message, help=refusal.remedy)
