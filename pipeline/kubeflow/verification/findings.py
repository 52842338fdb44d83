"""What a check says of a compiled file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "not checked"]


@dataclass(frozen=True)
class Finding:
    """Something wrong in the file.

    Attributes:
        place: where, as the keys that lead there: ``root.dag.tasks.Trainer.componentRef.name``.
        message: what is wrong there, with the value.
    """

    place: str
    message: str


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: what was asked, in a few words.
        findings: everything that is wrong.
        remedy: what to do about the findings, or so that the check can be made.
        not_checked: why there is no answer; None if there is one.
        detail: what it was asked of, a version for example.
    """

    name: str
    findings: tuple[Finding, ...] = ()
    remedy: str = ""
    not_checked: str | None = None
    detail: str = ""

    @property
    def status(self) -> Status:
        """The outcome in a word."""
        if self.not_checked is not None:
            return "not checked"
        return "failed" if self.findings else "passed"
