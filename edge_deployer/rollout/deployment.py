"""The record of one deployment: what happened on which board, why, and how it ended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_deployer.acceptance.constant_board import caution
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.acceptance.reference import Reference
from edge_deployer.boards.record import BoardRecord, Step
from edge_deployer.finding import AnyFinding, Finding, Told
from edge_deployer.release.bundle import Bundle
from edge_deployer.release.difference import ReleaseDifference
from edge_deployer.release.manifest import Manifest
from edge_deployer.task import Task

Outcome = Literal["promoted", "unchanged", "refused", "no verdict"]
Gate = Literal["evaluation", "validation", "signature", "boards", "staging", "production"]


class ReleaseRecord(BaseModel):
    """The release that was deployed."""

    release_id: str
    image_hash: str
    image_bytes: int
    manifest: Manifest


class Tolerance(BaseModel):
    """What a rollout bears, by its strategy.

    Attributes:
        failures: production boards that may fail.
        missing: production boards that need not run the release in the end.
        staged_before: the rollout whose staging has accepted the release; None if this one staged it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    failures: int = 0
    missing: int = 0
    staged_before: str | None = None


class Deployment(BaseModel):
    """How a release, or a model that never became one, fared.

    Attributes:
        outcome: promoted (all production boards run it now), unchanged (they already did), refused, or no verdict
            (too few healthy boards decided; the boards are as after a refusal).
        gate: where it was stopped; None otherwise.
        reason: why it was stopped; None where the verdicts of `staging` or of a production board say it. In
            earlier records, the headline in words.
        release: None where the model was refused before it became a release.
        reference: what the boards' answers were held against; None where no board was asked.
        staging: the staging pool's verdict; None where it did not come to one.
        bears: what its strategy tolerates; None in earlier records, which bore nothing.
        releases: ids of the workspace's releases, by the hex hash of their image.
        change: what the release changes against the one that production ran before; None where it was not promoted, or
            nobody has that one any more.
    """

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    gate: Gate | None = None
    reason: AnyFinding | None = None
    release: ReleaseRecord | None = None
    plan: AcceptancePlan
    reference: Reference | None = None
    staging: PoolVerdict | None = None
    boards: list[BoardRecord] = Field(default_factory=list)
    bears: Tolerance | None = None
    releases: dict[str, str] = Field(default_factory=dict)
    change: ReleaseDifference | None = None
    steps: list[Step] = Field(default_factory=list)
    started: datetime
    finished: datetime

    @model_validator(mode="before")
    @classmethod
    def _words_of_before(cls, content: Any) -> Any:
        """Earlier records had reason and remedy in words."""
        if not isinstance(content, dict) or not isinstance(content.get("reason"), str):
            return content
        kept = {name: value for name, value in content.items() if name != "remedy"}
        return kept | {"reason": Told(text=content["reason"], help=content.get("remedy") or "")}

    @property
    def pushed(self) -> bool:
        """Whether the production boards run this release now."""
        return self.outcome in ("promoted", "unchanged")

    @property
    def caution(self) -> Finding | None:
        """What a release that was pushed has not shown; None where its answers were judged."""
        return caution(self.reference, self.plan) if self.pushed and self.reference is not None else None

    @property
    def task(self) -> Task | None:
        """What the model is for; None where no board was asked, or nothing tells."""
        return self.reference.task if self.reference is not None else None


def describe_release(bundle: Bundle) -> ReleaseRecord:
    """The facts of a bundle that a deployment's record keeps."""
    return ReleaseRecord(
        release_id=bundle.release_id,
        image_hash=bundle.image.hash.hex(),
        image_bytes=len(bundle.image.data),
        manifest=bundle.manifest,
    )


def refused_before_release(gate: Gate, reason: Finding, plan: AcceptancePlan) -> Deployment:
    """The record of a model that never became a release: no board was touched."""
    now = datetime.now(timezone.utc)
    return Deployment(outcome="refused", gate=gate, reason=reason, plan=plan, started=now, finished=now)
