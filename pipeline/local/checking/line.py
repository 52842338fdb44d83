"""One thing that was checked, and what was found."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_deployer.errors import TinyopsError


class Line(BaseModel):
    """A line of the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="what was looked at")
    state: Literal["passed", "warns", "failed", "skipped"] = Field(
        description="failed: a run would stop here; warns: it would not, and something should be looked at; skipped: "
        "it depends on what failed"
    )
    told: str = Field(description="what was found, in words")
    remedy: str = Field(default="", description="what to do about it; empty where nothing has to be done")

    @classmethod
    def passed(cls, name: str, told: str) -> Line:
        """Nothing stands against a run."""
        return cls(name=name, state="passed", told=told)

    @classmethod
    def failed(cls, name: str, error: TinyopsError) -> Line:
        """A run would stop with this error."""
        return cls(name=name, state="failed", told=error.message, remedy=error.remedy)
