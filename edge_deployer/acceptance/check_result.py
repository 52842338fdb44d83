"""What a check says of one board."""

from __future__ import annotations

from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from edge_deployer.finding import AnyFinding

Status = Literal["passed", "failed", "undecided", "skipped"]


class Bound(BaseModel):
    """A one-sided bound from a confidence sequence: it holds wherever the examination happened to stop.

    Attributes:
        low: the true figure is at least this; None where the bound is an upper one.
        high: the true figure is at most this; None where the bound is a lower one.
        confidence: probability that the bound holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: float | None = None
    high: float | None = None
    confidence: float


class CheckResult(BaseModel):
    """One check on one board.

    Attributes:
        name: the check.
        status: an undecided check is no verdict; a skipped one neither passes nor fails; `finding` says why.
        finding: what was found; ``detail``, in words, in earlier records.
        measured: the figure that was judged, or None.
        limit: what it was judged against, or None.
        bound: what can be said of the true figure.
        samples: samples that a sequential test took.
        fixed_samples: what a test of fixed size takes for the same error rates.
        used_up: samples of the acceptance set, where all of them were too few for a decision.
        differing: indices of the first samples that spoke against the board.
        only_warns: whether a failure refuses nothing.
        doubtful: whether something speaks against it though it passed: the finding is then told as a warning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str
    status: Status
    finding: AnyFinding = Field(validation_alias=AliasChoices("finding", "detail"))
    measured: float | None = None
    limit: float | None = None
    bound: Bound | None = None
    samples: int | None = None
    fixed_samples: int | None = None
    used_up: int | None = None
    differing: tuple[int, ...] = ()
    only_warns: bool = False
    doubtful: bool = False

    @property
    def refuses(self) -> bool:
        """Whether it failed and that counts."""
        return self.status == "failed" and not self.only_warns

    @property
    def is_warning(self) -> bool:
        """Whether it refuses nothing, but is to be told."""
        return (self.status == "failed" and self.only_warns) or (self.status == "passed" and self.doubtful)

    @property
    def leaves_open(self) -> bool:
        """Whether it came to no decision and that counts."""
        return self.status == "undecided" and not self.only_warns
