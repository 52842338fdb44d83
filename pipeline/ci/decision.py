"""What changed decides what runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Change(str, Enum):
    """Why something may have to run."""

    DOCUMENTATION = "documentation"
    CODE = "code"
    DATA = "data"
    SCHEDULE = "schedule"


class CiStep(str, Enum):
    """What `tinyops ci` does, in this order."""

    LINT = "lint"
    TESTS = "tests"
    BUILD = "build"
    COMPILE = "compile"
    VERIFY = "verify"
    REGISTER = "register"
    RUN = "run"
    WAIT = "wait"
    REPORT = "report"


ORDER: Final = tuple(CiStep)
_FROM_COMPILE: Final = ORDER[ORDER.index(CiStep.COMPILE) :]

STEPS_OF: Final[Mapping[Change, tuple[CiStep, ...]]] = {
    Change.DOCUMENTATION: (CiStep.LINT,),
    Change.CODE: ORDER,
    # The code that they run with passed its tests when it came.
    Change.DATA: _FROM_COMPILE,
    Change.SCHEDULE: _FROM_COMPILE,
}

FOR_PRODUCTION: Final = frozenset({CiStep.RUN, CiStep.WAIT, CiStep.REPORT})
"""A run takes a model that staging accepts to the production boards: it needs an approval."""


@dataclass(frozen=True)
class Plan:
    """What to do."""

    steps: tuple[CiStep, ...]  # To run now.
    held: tuple[CiStep, ...]  # That would follow if somebody approved.
    complete: bool  # Whether nothing that the changes ask for is left out.


def decide(
    changes: Collection[Change], *, tested: bool, build: bool, approved: bool, until: CiStep = CiStep.REPORT
) -> Plan:
    """The plan for what changed.

    Args:
        changes: since the last time that everything was done.
        tested: whether lint and tests have passed for this very commit.
        build: whether what is compiled needs an image that is not there yet.
        approved: whether somebody let the run reach production boards.
        until: the last step that is wanted.
    """
    asked = {step for change in changes for step in STEPS_OF[change]} - {CiStep.BUILD}
    if build and CiStep.COMPILE in asked:
        asked.add(CiStep.BUILD)
    wanted = asked & set(ORDER[: ORDER.index(until) + 1])
    held = frozenset() if approved else wanted & FOR_PRODUCTION
    passed = {CiStep.LINT, CiStep.TESTS} if tested else frozenset()
    return Plan(
        steps=tuple(step for step in ORDER if step in wanted - held - passed),
        held=tuple(step for step in ORDER if step in held),
        complete=wanted == asked and not held,
    )
