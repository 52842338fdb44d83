"""Does a production board answer as the staging boards do?"""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray, differs, identical
from edge_deployer.acceptance.check import Case, Check, CheckResult
from edge_deployer.acceptance.checks.labels import LabelsCheck
from edge_deployer.acceptance.checks.outputs import OutputsCheck, tolerance_of
from edge_deployer.acceptance.evidence import BoardEvidence
from edge_deployer.acceptance.findings import RanNoSample
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.statistics.fixed_size import most_failures
from edge_deployer.finding import kind
from edge_deployer.tensors import Array

NothingToHoldAgainst = kind("golden_vectors.no_reference", "there is nothing to hold them against")

VectorsDiffer = kind(
    "golden_vectors.differ",
    "{{ differing }} of {{ vectors }} golden vectors differ from the reference",
    {"differing": int, "vectors": int},
)


@registered
class GoldenVectorsCheck(Check):
    """A production board answers every golden vector as TFLM does, or to the last bit as staging did.

    Where no staging board of its profile has accepted the release, nobody knows on which samples such boards differ
    from TFLM: then as many may differ as a board of the tolerated share exceeds with probability alpha at most.
    """

    name = "golden_vectors"
    place = 80
    about = "a production board's answers to the golden vectors are TFLM's, or to the last bit a staging board's"
    made_of = frozenset({"samples"})
    pools = frozenset({"production"})
    unit = "share"

    @override
    def judge(self, case: Case) -> CheckResult:
        evidence, reference, plan = case.evidence, case.reference, case.plan
        if evidence.answers is None:
            return self.result(case, "failed", RanNoSample())
        peers = [board for board in case.staging if board.profile == evidence.profile]
        if reference.outputs is None and not peers:
            return self.result(case, "skipped", NothingToHoldAgainst())
        outputs = evidence.answers.outputs.load()
        right = np.zeros(len(outputs), np.bool_)
        for peer in peers:
            right |= _answers_alike(outputs, peer)
        if reference.outputs is not None:
            right |= ~differs(outputs, reference, range(len(outputs)), tolerance_of(plan))
        wrong = np.flatnonzero(~right)
        tolerated = max(check.shares(plan).tolerated for check in (LabelsCheck(), OutputsCheck()))
        allowed = 0 if peers else most_failures(tolerated, len(outputs), plan.alpha)
        return self.result(
            case,
            "failed" if len(wrong) > allowed else "passed",
            VectorsDiffer(differing=len(wrong), vectors=len(outputs)),
            measured=len(wrong) / len(outputs),
            limit=allowed / len(outputs),
            differing=wrong,
        )


def _answers_alike(outputs: Array, accepted: BoardEvidence) -> BoolArray:
    """Where another board gave the same outputs to the last bit, bool (n,); false where it was not asked."""
    alike = np.zeros(len(outputs), np.bool_)
    if accepted.answers is not None:
        theirs = accepted.answers.outputs.load()[: len(outputs)]
        alike[: len(theirs)] = identical(outputs[: len(theirs)], theirs)
    return alike
