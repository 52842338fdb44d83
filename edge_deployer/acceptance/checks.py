"""Checks that look once: pure functions of recorded evidence. Those that stop by themselves are `sequential_checks`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_deployer.acceptance.agreement import differs, identical
from edge_deployer.acceptance.check_result import CheckResult
from edge_deployer.acceptance.evidence import BoardEvidence, PowerCycle
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.fixed_size import most_failures
from edge_deployer.tensors import Array

_PERCENTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}
_SHOWN = 16
SMOKE_VECTORS = 3


def check_smoke(evidence: BoardEvidence, image_hash: str, reference: Reference, plan: AcceptancePlan) -> CheckResult:
    """The board echoes, runs this release, loads it, and gets a golden vector right without a fault.

    One of the first three: a board that differs from TFLM on as many samples as is tolerated may do so on the first.
    """
    problem = _smoke_problem(evidence, image_hash, reference, plan)
    if problem:
        return CheckResult(name="smoke", status="failed", detail=problem, measured=evidence.smoke_seconds)
    detail = f"boots the release, echo and a golden vector right, in {evidence.smoke_seconds:.1f} s"
    return CheckResult(name="smoke", status="passed", detail=detail, measured=evidence.smoke_seconds)


def _smoke_problem(evidence: BoardEvidence, image_hash: str, reference: Reference, plan: AcceptancePlan) -> str | None:
    if not evidence.echo:
        return "the board does not echo"
    if evidence.running_hash != image_hash:
        return f"the board runs image {(evidence.running_hash or 'none')[:8]}, not {image_hash[:8]}"
    if evidence.smoke_faults:
        return f"the board had a fault: {evidence.last_fault}"
    if evidence.answers is None:
        return "the board ran no sample"
    if gets_no_vector_right(evidence, reference, plan):
        asked = min(SMOKE_VECTORS, len(evidence.answers.latencies_us))
        if asked == 1:
            return "the answer to the first sample differs from the reference"
        return f"the answers to the first {asked} samples differ from the reference"
    return None


def gets_no_vector_right(evidence: BoardEvidence, reference: Reference, plan: AcceptancePlan) -> bool:
    """Whether the golden vectors of the smoke test, as far as they have been answered, are all wrong."""
    if evidence.answers is None:
        return True
    first = evidence.answers.outputs.load()[:SMOKE_VECTORS]
    return bool(differs(first, reference, range(len(first)), plan).all())


def check_golden_vectors(
    evidence: BoardEvidence, reference: Reference, plan: AcceptancePlan, staging: Sequence[BoardEvidence]
) -> CheckResult:
    """A production board answers every golden vector as TFLM does, or to the last bit as staging did.

    Where no staging board of its profile has accepted the release, nobody knows on which samples such boards differ
    from TFLM: then as many may differ as a board of the tolerated share exceeds with probability alpha at most.

    Args:
        evidence: the production board's.
        reference: TFLM's outputs.
        plan: for the tolerance.
        staging: the boards that accepted the release, with what they differ on.
    """
    if evidence.answers is None:
        return CheckResult(name="golden_vectors", status="failed", detail="the board ran no sample")
    peers = [board for board in staging if board.profile == evidence.profile]
    if reference.outputs is None and not peers:
        return CheckResult(name="golden_vectors", status="skipped", detail="there is nothing to hold them against")
    outputs = evidence.answers.outputs.load()
    right = np.zeros(len(outputs), np.bool_)
    for peer in peers:
        right |= _answers_alike(outputs, peer)
    if reference.outputs is not None:
        right |= ~differs(outputs, reference, range(len(outputs)), plan)
    wrong = np.flatnonzero(~right)
    tolerated = max(plan.labels.tolerated, plan.outputs.tolerated)
    allowed = 0 if peers else most_failures(tolerated, len(outputs), plan.alpha)
    return CheckResult(
        name="golden_vectors",
        status="failed" if len(wrong) > allowed else "passed",
        detail=f"{len(wrong)} of {len(outputs)} golden vectors differ from the reference",
        measured=len(wrong) / len(outputs),
        limit=allowed / len(outputs),
        differing=tuple(wrong[:_SHOWN].tolist()),
        only_warns=plan.only_warns("golden_vectors"),
    )


def _answers_alike(outputs: Array, accepted: BoardEvidence) -> Array:
    """Where another board gave the same outputs to the last bit, bool (n,); false where it was not asked."""
    alike = np.zeros(len(outputs), np.bool_)
    if accepted.answers is not None:
        theirs = accepted.answers.outputs.load()[: len(outputs)]
        alike[: len(theirs)] = identical(outputs[: len(theirs)], theirs)
    return alike


def check_arena(evidence: BoardEvidence, plan: AcceptancePlan, *, host_bytes: int | None, virtual: bool) -> CheckResult:
    """The model's arena on the board is within its budget and what the board has.

    What a board reports can lie below what the model needs to load. A virtual board runs the host's own TFLM, so the
    figure that was found on the host by bisection is its own, too, and is judged. A real board is of another word
    size: its own figure is judged, with a warning where the host's is on the other side of the limit.

    Args:
        evidence: the board's.
        plan: for the budget.
        host_bytes: smallest arena in which the model loads and runs on the host; None where nobody looked for it.
        virtual: whether the board is a virtual one.
    """
    own = evidence.arena_used
    if own is None or evidence.arena_bytes is None:
        return CheckResult(name="arena", status="failed", detail="the board did not report its arena")
    limit = _least(evidence.arena_bytes, plan.budget(evidence.profile).arena_bytes)
    judged, disagree, detail = own, False, f"{own:,} of {limit:,} bytes used"
    if virtual and host_bytes is not None:
        judged = host_bytes
        detail = f"{judged:,} of {limit:,} bytes needed, by bisection on a 64-bit host; the board reports {own:,}"
    elif host_bytes is not None and (host_bytes <= limit) != (own <= limit):
        disagree = True
        detail = f"{detail} by the board's own figure; by bisection on a 64-bit host it is {host_bytes:,}"
    return CheckResult(
        name="arena",
        status="passed" if judged <= limit else "failed",
        detail=detail,
        measured=judged,
        limit=limit,
        only_warns=plan.only_warns("arena"),
        doubtful=disagree,
    )


def check_flash(evidence: BoardEvidence, image_bytes: int, plan: AcceptancePlan) -> CheckResult:
    """The signed image is within its budget and what the board's slot takes."""
    if evidence.image_limit is None:
        return CheckResult(name="flash", status="failed", detail="the size of the board's slot is not known")
    limit = _least(evidence.image_limit, plan.budget(evidence.profile).flash_bytes)
    return CheckResult(
        name="flash",
        status="passed" if image_bytes <= limit else "failed",
        detail=f"{image_bytes:,} of {limit:,} bytes used",
        measured=image_bytes,
        limit=limit,
        only_warns=plan.only_warns("flash"),
    )


def check_latency(evidence: BoardEvidence, plan: AcceptancePlan) -> CheckResult:
    """Percentiles of the latencies that the board reports are within the profile's budget.

    By nearest rank: the p-th percentile of n figures is the ``ceil(n p / 100)``-th smallest. `measured` and `limit` are
    those of the percentile that uses most of its budget, or the 95th where none is set.
    """
    if evidence.answers is None:
        return CheckResult(name="latency", status="failed", detail="the board ran no sample")
    times = [time for time in evidence.answers.latencies_us if time is not None]
    limits = plan.budget(evidence.profile).latency_limits
    if len(times) < len(evidence.answers.latencies_us):
        # A budget that nothing was held against is not met, and not missed either.
        return CheckResult(
            name="latency",
            status="undecided" if limits else "skipped",
            detail="no figure: the board cannot tell how long the model takes",
            only_warns=plan.only_warns("latency"),
        )
    figures = {name: int(np.percentile(times, share, method="inverted_cdf")) for name, share in _PERCENTILES.items()}
    detail = ", ".join(f"{name} {figure:,}" for name, figure in figures.items()) + " µs"
    if not limits:
        return CheckResult(
            name="latency", status="skipped", detail=f"{detail}; no budget is set", measured=figures["p95"]
        )
    tightest = max(limits, key=lambda name: figures[name] / limits[name])
    over = [name for name in limits if figures[name] > limits[name]]
    return CheckResult(
        name="latency",
        status="failed" if over else "passed",
        detail=f"{detail}; {' and '.join(over)} over budget" if over else detail,
        measured=figures[tightest],
        limit=limits[tightest],
        only_warns=plan.only_warns("latency"),
    )


def check_soak(evidence: BoardEvidence, plan: AcceptancePlan) -> CheckResult:
    """No fault in the whole examination, and no output that changed when its sample was run again."""
    ran = len(evidence.answers.latencies_us) if evidence.answers else 0
    again = evidence.soak
    if evidence.faults or evidence.faults is None:
        said = f"the board had a fault: {evidence.last_fault}" if evidence.faults else "the board did not tell"
        detail = f"{said}, in {ran + (len(again.samples) if again else 0)} inferences"
        return CheckResult(name="soak", status="failed", detail=detail, only_warns=plan.only_warns("soak"))
    if again is None or evidence.answers is None:
        return CheckResult(name="soak", status="passed", detail=f"no fault in {ran} inferences")
    first = evidence.answers.outputs.load()[list(again.samples)]
    changed = np.flatnonzero(~identical(again.outputs.load(), first))
    return CheckResult(
        name="soak",
        status="failed" if len(changed) else "passed",
        detail=f"{len(changed)} of {len(first)} outputs changed when their sample was run again"
        if len(changed)
        else f"no fault in {ran + len(first)} inferences, no drift in {len(first)} repeated ones",
        measured=len(changed),
        limit=0,
        differing=tuple(sorted({again.samples[place] for place in changed})[:_SHOWN]),
        only_warns=plan.only_warns("soak"),
    )


def check_power_cycle(evidence: BoardEvidence, image_hash: str, plan: AcceptancePlan) -> CheckResult | None:
    """The release survives one more reset, is still confirmed, and still answers the first sample as it did.

    Returns:
        None before the release is confirmed.
    """
    cycle = evidence.power_cycle
    if cycle is None:
        return None
    problem = cycle.failure.reason if cycle.failure else None
    if problem is None and cycle.running_hash != image_hash:
        problem = f"after it the board runs image {(cycle.running_hash or 'none')[:8]}, not {image_hash[:8]}"
    if problem is None and not cycle.confirmed:
        problem = "after it the release is no longer confirmed"
    if problem is None and not _repeats_itself(evidence, cycle):
        problem = "after it the first sample's answer is another than before"
    return CheckResult(
        name="power_cycle",
        status="failed" if problem else "passed",
        detail=problem or "the release survives a reset, confirmed, and answers as before",
        only_warns=plan.only_warns("power_cycle"),
    )


def _repeats_itself(evidence: BoardEvidence, cycle: PowerCycle) -> bool:
    if cycle.outputs is None or evidence.answers is None:
        return False
    return bool(identical(cycle.outputs.load(), evidence.answers.outputs.load()[:1]).all())


def _least(has: int, budget: int | None) -> int:
    return has if budget is None else min(has, budget)
