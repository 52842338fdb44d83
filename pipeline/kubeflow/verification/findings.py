"""What a check says of a compiled file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """Something wrong in the file."""

    place: str  # Where, as the keys that lead there: ``root.dag.tasks.Trainer.componentRef.name``.
    message: str  # What is wrong there, with the value.


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str  # What was asked, in a few words.
    findings: tuple[Finding, ...] = ()  # Everything that is wrong.
    remedy: str = ""  # What to do about the findings, or so that the check can be made.
    not_checked: str | None = None  # Why there is no answer; None if there is one.
    detail: str = ""  # What it was asked of, a version for example.

    @property
    def status(self) -> Status:
        """The outcome in a word."""
        if self.not_checked is not None:
            return "not checked"
        return "failed" if self.findings else "passed"
