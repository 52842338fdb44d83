"""How a deployment ends: a pure function of its boards' verdicts and of what they run at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.acceptance.verdict import BoardVerdict
from edge_deployer.rollout.deployment import Deployment, Gate, Outcome, Tolerance


@dataclass(frozen=True)
class Conclusion:
    """Outcome and gate of a deployment, see `Deployment`."""

    outcome: Outcome
    gate: Gate | None


_NOT_OF_EVIDENCE: Final = {"production.interrupted", "production.regressed", "production.taken_back"}
"""What ends a rollout without a word of the evidence for its acceptance: somebody's wish, or what was seen later."""

_OF_A_WAVE: Final = "production.too_few_succeeded"
"""What can end a rollout though the pool as a whole would bear it: the waves are not on record in a deployment."""


def conclude(
    deployment: Deployment, staging: PoolVerdict | None, production: Mapping[str, BoardVerdict]
) -> Conclusion | None:
    """What follows from verdicts, by the same steps that a deployment takes.

    Args:
        deployment: for its release and for what each board runs; its own outcome and verdicts do not count.
        staging: the pool's verdict; None where no staging board was examined.
        production: verdicts of the production boards that were examined, by name.

    Returns:
        None where they do not tell, e.g. where a board did not answer before anything was installed, or did not confirm
        what it had accepted, or where somebody took the release back. The release was not pushed then.
    """
    if deployment.reason is not None and deployment.reason.code in _NOT_OF_EVIDENCE:
        return None
    if staging is not None and staging.decision != "accepted":
        return Conclusion(staging.decision, "staging")
    bears = deployment.bears or Tolerance()
    boards = [board for board in deployment.boards if board.pool == "production"]
    refusing = [board for board in boards if board.name in production and not production[board.name].accepted]
    if len(refusing) > bears.failures:
        return Conclusion("refused", "production")
    if deployment.reason is not None and deployment.reason.code == _OF_A_WAVE:
        return None
    release = deployment.release
    if release is None or sum(board.image_after != release.image_hash for board in boards) > bears.missing:
        return None
    changed = any(board.outcome not in ("untouched", "unchanged") for board in deployment.boards)
    unjudged = any(board.outcome == "confirmed" and board.name not in production for board in boards)
    if changed and (unjudged or (staging is None and bears.staged_before is None)):
        return None
    return Conclusion("promoted" if changed else "unchanged", None)
