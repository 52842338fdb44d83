"""The record of one deployment: what happened on which board, why, and how it ended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_deployer.acceptance.checks import CheckResult
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.manifest import Manifest

Outcome = Literal["promoted", "unchanged", "refused"]
Gate = Literal["evaluation", "validation", "signature", "boards", "staging", "production"]
BoardOutcome = Literal["untouched", "unchanged", "confirmed", "reverted", "rolled back", "not restored"]


class Step(BaseModel):
    """One thing done to one board."""

    at: datetime
    board: str
    action: str
    detail: str = ""


class ReleaseRecord(BaseModel):
    """The release that was deployed."""

    release_id: str
    image_hash: str
    image_bytes: int
    manifest: Manifest


class BoardRecord(BaseModel):
    """One board in one deployment.

    Attributes:
        image_before: hex hash of the image that ran and was confirmed before; None on an empty board.
        image_after: the same at the end.
        outcome: how it ended for this board.
        evidence: what the board answered in this deployment, if it was examined.
        checks: how that was judged.
        install_seconds: upload, swap and reboot; None if nothing was installed.
    """

    name: str
    pool: Literal["staging", "production"]
    profile: str
    virtual: bool
    image_before: str | None = None
    image_after: str | None = None
    outcome: BoardOutcome = "untouched"
    evidence: BoardEvidence | None = None
    checks: tuple[CheckResult, ...] = ()
    install_seconds: float | None = None


class Deployment(BaseModel):
    """How a release, or a model that never became one, fared.

    Attributes:
        outcome: promoted (all production boards run it now), unchanged (they already did), or refused.
        gate: where it was refused; None otherwise.
        reason: the verdict in a sentence.
        remedy: what to do about a refusal.
        release: None where the model was refused before it became a release.
    """

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    gate: Gate | None = None
    reason: str
    remedy: str | None = None
    release: ReleaseRecord | None = None
    plan: AcceptancePlan
    boards: list[BoardRecord] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)
    started: datetime
    finished: datetime

    @property
    def pushed(self) -> bool:
        """Whether the production boards run this release now."""
        return self.outcome != "refused"


def describe_release(bundle: Bundle) -> ReleaseRecord:
    """The facts of a bundle that a deployment's record keeps."""
    return ReleaseRecord(
        release_id=bundle.release_id,
        image_hash=bundle.image.hash.hex(),
        image_bytes=len(bundle.image.data),
        manifest=bundle.manifest,
    )


def refused_before_release(gate: Gate, reason: str, remedy: str, plan: AcceptancePlan) -> Deployment:
    """The record of a model that never became a release: no board was touched."""
    now = datetime.now(timezone.utc)
    return Deployment(outcome="refused", gate=gate, reason=reason, remedy=remedy, plan=plan, started=now, finished=now)
