"""The record of one board: each step taken on it, and what is known of it."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.verdict import BoardVerdict
from edge_deployer.finding import AnyFinding
from edge_deployer.inventory.inventory import Pool

BoardOutcome = Literal["untouched", "unchanged", "confirmed", "reverted", "rolled back", "not restored"]
Answer = Literal["not asked", "silent", "runs"]


class Step(BaseModel):
    """One thing done to one board.

    Attributes:
        at: when.
        board: its name.
        action: what was done.
        detail: with which image, how many samples, and the like.
        finding: what was found, where that is what the step came to.
    """

    at: AwareDatetime
    board: str
    action: str
    detail: str = ""
    finding: AnyFinding | None = None


class BoardRecord(BaseModel):
    """One board in one deployment.

    Attributes:
        image_before: hex hash of the image that ran and was confirmed before; None on an empty board.
        image_after: the same at the end, as the board answered last.
        answer: whether `image_after` is its last answer to the question what it runs, or it was not asked, or asked
            and silent; None in the records of earlier versions.
        outcome: how it ended for this board.
        evidence: what the board answered in this deployment, if it was examined.
        verdict: how that was judged.
        spare: whether it stands in for others only.
        quarantined: why it was in quarantine when the deployment began; None if it was not.
        floor: the board's security floor, as it said last; None where it was not asked, or keeps none.
        install_seconds: upload, unless that was done ahead, swap and reboot; None if nothing was installed.
    """

    name: str
    pool: Pool
    profile: str
    virtual: bool
    image_before: str | None = None
    image_after: str | None = None
    answer: Answer | None = None
    outcome: BoardOutcome = "untouched"
    evidence: BoardEvidence | None = None
    verdict: BoardVerdict | None = None
    spare: bool = False
    quarantined: AnyFinding | None = None
    floor: int | None = None
    install_seconds: float | None = None

    @property
    def keeps_release(self) -> bool:
        """Whether the release is confirmed, in this deployment or before."""
        return self.outcome in ("confirmed", "unchanged")
