"""Whether the image that a board runs deserves to be kept."""

from __future__ import annotations

from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.checks.smoke import SMOKE_VECTORS, SmokeCheck
from edge_deployer.acceptance.examination import Examination
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.boards.bench import Bench
from edge_deployer.boards.refusals import UNPROVEN_REMEDY, RefusedFor, Unproven
from edge_deployer.boards.trial import Trial
from edge_deployer.errors import Refused
from edge_deployer.inventory.inventory import BoardEntry, board_profile
from edge_deployer.release.bundle import Bundle
from edge_deployer.session import DeviceSession, ModelFault

_SMOKE_ONLY = AcceptancePlan(samples=SMOKE_VECTORS, golden_vectors=SMOKE_VECTORS)


async def prove(session: DeviceSession, bench: Bench, entry: BoardEntry, image_hash: bytes) -> str:
    """See that the running image loads, runs, is the one expected and causes no fault; returns what was seen.

    Raises:
        Refused: it does not prove itself.
        SessionError: the board does not answer.
    """
    release = bench.release_of(image_hash, entry)
    if release is None:
        await _prove_that_it_loads(session, image_hash)
        return "the model loads without a fault; no release in the workspace has its image, so no sample was judged"
    await _prove_golden_vector(session, entry, release)
    if release.acceptance.outputs is None:
        return f"release {release.release_id} runs without a fault; it has no reference to judge its answers by"
    return f"release {release.release_id} loads without a fault and gets a golden vector right"


async def _prove_that_it_loads(session: DeviceSession, image_hash: bytes) -> None:
    before = await session.health()
    try:
        info = await session.info()
    except ModelFault as fault:
        raise Refused(f"the model does not load: {fault.message}", remedy=UNPROVEN_REMEDY) from fault
    after = await session.health()
    if info.image_hash != image_hash:
        raise Refused(
            f"the board runs a model of image {info.image_hash.hex()[:8]}, but says it booted {image_hash.hex()[:8]}",
            remedy=UNPROVEN_REMEDY,
        )
    if after.faults > before.faults:
        raise Refused(f"the board had a fault: {after.last_fault}", remedy=UNPROVEN_REMEDY)


async def _prove_golden_vector(session: DeviceSession, entry: BoardEntry, release: Bundle) -> None:
    trial = Trial.of(release, _SMOKE_ONLY)
    examination = Examination(
        session, entry.name, board_profile(entry), release.acceptance, trial.reference, _SMOKE_ONLY
    )
    evidence = await examination.run(trial.image_hash, "production")
    if evidence.failure:
        raise RefusedFor(Unproven(finding=evidence.failure.reason))
    smoke = SmokeCheck().judge(Case(evidence, trial.reference, _SMOKE_ONLY, trial.subject))
    if smoke.status != "passed":
        raise RefusedFor(Unproven(finding=smoke.finding))
