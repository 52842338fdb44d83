"""How a deployment ends: a pure function of its boards' verdicts and of what they run at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_deployer.acceptance.pool_verdict import PoolVerdict
from edge_deployer.acceptance.verdict import BoardVerdict
from edge_deployer.rollout.deployment import Deployment, Gate, Outcome


@dataclass(frozen=True)
class Conclusion:
    """Outcome, gate and headline of a deployment, see `Deployment`."""

    outcome: Outcome
    gate: Gate | None
    reason: str


def conclude(
    deployment: Deployment, staging: PoolVerdict | None, production: Mapping[str, BoardVerdict]
) -> Conclusion | None:
    """What follows from verdicts, by the same steps that a deployment takes.

    Args:
        deployment: for its release and for what each board runs; its own outcome, headline and verdicts do not count.
        staging: the pool's verdict; None where no staging board was examined.
        production: verdicts of the production boards that were examined, by name.

    Returns:
        None where they do not tell, e.g. where a board did not answer before anything was installed, or did not confirm
        what it had accepted. The release was not pushed then.
    """
    if staging is not None and staging.decision != "accepted":
        return Conclusion(staging.decision, "staging", staging.reason)
    boards = [board for board in deployment.boards if board.pool == "production"]
    for board in boards:
        verdict = production.get(board.name)
        if verdict is not None and not verdict.accepted:
            return Conclusion("refused", "production", refusal_in_production(board.name, verdict))
    release = deployment.release
    if release is None or any(board.image_after != release.image_hash for board in boards):
        return None
    changed = any(board.outcome not in ("untouched", "unchanged") for board in deployment.boards)
    if changed and (staging is None or len(production) < len(boards)):
        return None
    return succeed(release.release_id, len(boards), staging, changed=changed)


def succeed(release_id: str, boards: int, staging: PoolVerdict | None, *, changed: bool) -> Conclusion:
    """The end of a deployment after which every production board runs the release.

    Args:
        release_id: the release.
        boards: number of production boards.
        staging: the pool's verdict; None where it was not asked.
        changed: whether a board was changed.
    """
    if not changed:
        nothing = f"{release_id} already runs on all {boards} production boards; nothing was changed"
        return Conclusion("unchanged", None, nothing)
    found = f": {staging.reason}" if staging else ""
    return Conclusion(
        "promoted", None, f"{release_id} passed staging and runs on all {boards} production boards{found}"
    )


def refusal_in_production(board: str, verdict: BoardVerdict) -> str:
    """The headline of a release that a production board does not accept."""
    return f"{board}: {verdict.reason}"
