"""The stages of a release, which step may follow which, and what may be removed: pure functions of what is recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import AwareDatetime

Stage = Literal["staged", "accepted", "production", "retired"]
"""How far a release has come.

========== ==========================================================================================
staged     built and signed, for staging to try
accepted   staging accepted it
production production boards run it
retired    another took its place, it was revoked, or it never came further and was removed
========== ==========================================================================================
"""

_NEXT: Final[Mapping[Stage, frozenset[Stage]]] = {
    "staged": frozenset({"accepted", "retired"}),
    "accepted": frozenset({"production", "retired"}),
    "production": frozenset({"retired"}),
    # It is accepted once more, or production, which ran it before, is taken back to it.
    "retired": frozenset({"accepted", "production"}),
}
_BEHIND: Final[Mapping[Stage, frozenset[Stage]]] = {
    "staged": frozenset({"staged"}),
    "accepted": frozenset({"staged", "accepted"}),
    "production": frozenset({"staged", "accepted", "production"}),
    "retired": frozenset({"staged", "retired"}),
}


@dataclass(frozen=True)
class StageStep:
    """A release came to a stage.

    Attributes:
        number: of the step among those of all releases, in the order in which they were recorded; clocks may go back.
        replaces: hex image hash of the release whose place it took in production; None where there was none.
        compared_with: the same of the release whose model it was compared with on the boards; None where nobody knows.
        reason: why it was revoked; None where it was not.
    """

    number: int
    stage: Stage
    at: AwareDatetime
    by: str
    replaces: str | None = None
    compared_with: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ReleaseHistory:
    """What the store has recorded of a release.

    Attributes:
        image_hash: hex.
        version: with build.
        steps: oldest first; the first is ``staged``.
    """

    image_hash: str
    version: str
    steps: tuple[StageStep, ...]

    @property
    def stage(self) -> Stage:
        """Where it stands now."""
        return self.steps[-1].stage

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All that it came to, oldest first."""
        return tuple(step.stage for step in self.steps)

    @property
    def build(self) -> int:
        """Build numbers are never given twice: the greater one is the newer release."""
        return int(self.version.rpartition("+")[2])

    @property
    def revoked(self) -> StageStep | None:
        """The step that revoked it, if one did."""
        return next((step for step in self.steps if step.reason is not None), None)

    def promotion(self, before: int | None = None) -> StageStep | None:
        """The last step that took it to production, of those with a smaller number if one is given."""
        steps = (step for step in reversed(self.steps) if before is None or step.number < before)
        return next((step for step in steps if step.stage == "production"), None)


def has_step(passed: Sequence[Stage], wanted: Stage, *, is_revoked: bool) -> bool | None:
    """Whether a release has a step to take to be at a stage.

    Args:
        passed: the stages that it came to, oldest first.
        wanted: the stage.
        is_revoked: whether it was revoked, after which there is no step.

    Returns:
        True: the step is allowed. False: it is there, or was and went on, so that nothing is to do. None: no step leads
        there.
    """
    now = passed[-1]
    if wanted in _BEHIND[now]:
        return False
    is_accepted = wanted != "production" or "accepted" in passed
    return True if wanted in _NEXT[now] and is_accepted and not is_revoked else None


def lineage(releases: Iterable[ReleaseHistory], image_hash: str) -> list[str]:
    """What a release replaced in production, what that one had replaced, and so on, as hex image hashes, newest first.

    A release that came to production twice stands there as often as it did.
    """
    known = {release.image_hash: release for release in releases}
    found: list[str] = []
    before: int | None = None
    current = image_hash
    while current in known:
        step = known[current].promotion(before)
        if step is None or step.replaces is None:
            break
        found.append(step.replaces)
        current, before = step.replaces, step.number
    return found


def removable(releases: Sequence[ReleaseHistory], *, keep: int, pinned: Collection[str] = ()) -> list[ReleaseHistory]:
    """The releases that nothing needs, oldest first.

    Needed is what production runs or staging has accepted, what either would be taken back to, what is pinned, and of
    the rest the newest.

    Args:
        releases: those that are there.
        keep: how many of the rest.
        pinned: hex image hashes.
    """
    running = [release for release in releases if release.stage in ("production", "accepted")]
    running += [release for release in releases if _may_still_run(release, releases)]
    needed = {*pinned, *(release.image_hash for release in running)}
    for release in running:
        needed.update(_ways_back(releases, release.image_hash))
    rest = sorted((release for release in releases if release.image_hash not in needed), key=lambda found: found.build)
    return rest[: max(0, len(rest) - keep)]


def _may_still_run(release: ReleaseHistory, releases: Sequence[ReleaseHistory]) -> bool:
    """Whether it was revoked while production ran it: boards run it until another takes its place."""
    if release.revoked is None or len(release.steps) == 1 or release.steps[-2].stage != "production":
        return False
    promoted = [step for other in releases for step in other.steps if step.stage == "production"]
    return all(step.replaces != release.image_hash or step.number < release.revoked.number for step in promoted)


def _ways_back(releases: Sequence[ReleaseHistory], image_hash: str) -> list[str]:
    """What it replaced; and where that was revoked since, the latest before that was not."""
    known = {release.image_hash: release for release in releases}
    found = []
    for earlier in lineage(releases, image_hash):
        found.append(earlier)
        if earlier in known and known[earlier].revoked is None:
            break
    return found
