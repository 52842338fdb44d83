"""What earlier rollouts of a workspace tell a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.trail import Trail
from edge_deployer.rollout.latency_gate import p95_us
from edge_deployer.rollout.record import Progress, find_rollout, latest_first


def accepted_before(trail: Trail, image_hash: str, acceptance: AcceptancePlan) -> str | None:
    """Id of the rollout whose staging has accepted a release by a plan, and has the release still; None without one.

    Args:
        trail: of the workspace.
        image_hash: of the release, hex.
        acceptance: the plan.
    """
    last = next((progress for progress in latest_first(trail) if _accepting(progress)), None)
    if last is None or last.plan.release.image_hash != image_hash or last.plan.acceptance != acceptance:
        return None
    return last.plan.id


def precedents(trail: Trail, progress: Progress) -> Sequence[BoardEvidence]:
    """The evidence of the staging boards that have accepted a rollout's release, in it or in an earlier one."""
    earlier = progress.plan.precedents
    return _accepting(find_rollout(trail, earlier) if earlier else progress)


def latencies_before(trail: Trail, image_hash: str) -> Mapping[str, int]:
    """95th percentile of what production had before a release, microseconds, by profile; empty where nobody knows."""
    others = (progress for progress in latest_first(trail) if progress.plan.release.image_hash != image_hash)
    promoted = next((progress for progress in others if progress.outcome == "promoted"), None)
    if promoted is None:
        return {}
    evidence = [promoted.records[name].evidence for name in promoted.plan.production]
    times = [(found.profile, p95_us(found)) for found in evidence if found is not None]
    return {profile: us for profile, us in times if us is not None}


def _accepting(staged: Progress) -> list[BoardEvidence]:
    if staged.accepted is None:
        return []
    records = (staged.records[name] for name in staged.plan.staging if name in staged.records)
    return [record.evidence for record in records if record.evidence and record.keeps_release]
