"""What a deployment means for the stages of releases, and what its release changes."""

from __future__ import annotations

from collections import Counter

from edge_deployer.release.bundle import Bundle
from edge_deployer.release.difference import ReleaseDifference, difference
from edge_deployer.release.store import ReleaseStore
from edge_deployer.rollout.deployment import Deployment


def record_stage(store: ReleaseStore, deployment: Deployment, bundle: Bundle, *, by: str) -> None:
    """Advance a deployment's release, and retire what it replaced.

    Args:
        store: has the release.
        deployment: how it fared.
        bundle: the release.
        by: what brought it so far, in words.

    Raises:
        TinyopsError: the store cannot be written.
    """
    image_hash = bundle.image.hash.hex()
    accepted = deployment.staging is not None and deployment.staging.decision == "accepted"
    if accepted or deployment.pushed:
        store.advance(image_hash, "accepted", by=by, compared_with=_compared_with(deployment))
    if not deployment.pushed:
        return
    replaced = _replaced(deployment)
    store.advance(image_hash, "production", by=by, replaces=next(iter(replaced), None))
    for other in replaced[1:]:
        if store.history(other):
            store.advance(other, "retired", by=by)


def change_in_production(
    store: ReleaseStore, deployment: Deployment, bundle: Bundle, *, public_pem: bytes
) -> ReleaseDifference | None:
    """What the release changes against the one that it replaced; None if it replaced none that is here.

    Raises:
        TinyopsError: a part of that one was altered, or cannot be read.
    """
    replaced = _replaced(deployment)
    earlier = store.find(replaced[0], public_pem=public_pem) if replaced else None
    return difference(bundle, earlier) if earlier else None


def _replaced(deployment: Deployment) -> list[str]:
    """Images that production boards ran before, that of most boards first."""
    image_hash = deployment.release.image_hash if deployment.release else None
    before = [board.image_before for board in deployment.boards if board.pool == "production"]
    return [image for image, _ in Counter(image for image in before if image not in (None, image_hash)).most_common()]


def _compared_with(deployment: Deployment) -> str | None:
    asked = [board.evidence.production for board in deployment.boards if board.evidence and board.pool == "staging"]
    return next((answers.image_hash for answers in asked if answers and answers.answers), None)
