"""Does the board run the release at all?"""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray, deviation_steps, far_off, other_label
from edge_deployer.acceptance.check import Case, Check, CheckResult
from edge_deployer.acceptance.checks.outputs import tolerance_of
from edge_deployer.acceptance.findings import HadFault, RanNoSample, RunsAnotherImage
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import registered
from edge_deployer.finding import Finding, kind
from edge_deployer.tensors import Array

SMOKE_VECTORS = 3
"""One of so many golden vectors must be right: a board that differs as often as is tolerated may do so on the first."""

Boots = kind(
    "smoke.boots", "boots the release, echo and a golden vector right, in {{ seconds | seconds }}", {"seconds": float}
)

NoEcho = kind("smoke.no_echo", "the board does not echo")

VectorsWrong = kind(
    "smoke.vectors_wrong",
    "{% if asked == 1 %}the answer to the first sample differs from the reference"
    "{% else %}the answers to the first {{ asked }} samples differ from the reference{% endif %}; of {{ samples }} "
    "answered {% if named_alike is not none %}{{ named_alike }} name TFLM's class, and {% endif %}"
    "outputs are off by up to {{ largest }} step{{ '' if largest == 1 else 's' }}",
    {"asked": int, "samples": int, "named_alike": int | None, "largest": int},
)


@registered
class SmokeCheck(Check):
    """The board echoes, runs this release, loads it, and gets one of the first golden vectors right without a fault."""

    name = "smoke"
    place = 10
    about = "the board answers, runs this release, loads the model and gets a golden vector right without a fault"
    made_of = frozenset({"smoke"})
    unit = "seconds"
    may_warn = False

    @override
    def judge(self, case: Case) -> CheckResult:
        problem = self._problem(case)
        seconds = case.evidence.smoke_seconds
        if problem is not None:
            return self.result(case, "failed", problem, measured=seconds)
        if seconds is None:
            raise ValueError("the first sample was answered, but not when")
        return self.result(case, "passed", Boots(seconds=seconds), measured=seconds)

    def _problem(self, case: Case) -> Finding | None:
        evidence = case.evidence
        assert case.subject is not None
        if not evidence.echo:
            return NoEcho()
        if evidence.running_hash != case.subject.image_hash:
            return RunsAnotherImage(runs=evidence.running_hash, expected=case.subject.image_hash)
        if evidence.smoke_faults:
            return HadFault(fault=evidence.last_fault)
        if evidence.answers is None:
            return RanNoSample()
        outputs = evidence.answers.outputs.load()
        if gets_no_vector_right(outputs, case.reference, case.plan):
            return _how_far_off(outputs, case.reference)
        return None


def gets_no_vector_right(outputs: Array, reference: Reference, plan: AcceptancePlan) -> bool:
    """Whether the golden vectors of the smoke test, as far as they have been answered, are all wrong.

    A difference counts if the plan refuses for it: not where the check of labels, or that of outputs, only warns.
    `outputs` are all answers so far, (n, ...).
    """
    first = outputs[:SMOKE_VECTORS]
    wrong: BoolArray = np.zeros(len(first), np.bool_)
    if not plan.only_warns("labels"):
        wrong |= other_label(first, reference, range(len(first)))
    if not plan.only_warns("outputs"):
        wrong |= far_off(first, reference, range(len(first)), tolerance_of(plan))
    return bool(wrong.all())


def _how_far_off(outputs: Array, reference: Reference) -> Finding:
    samples, expected = len(outputs), reference.reference_outputs
    assert expected is not None, "nothing is wrong without a reference"
    other = other_label(outputs, reference, range(samples))
    return VectorsWrong(
        asked=min(SMOKE_VECTORS, samples),
        samples=samples,
        named_alike=int((~other).sum()) if reference.names_classes else None,
        largest=int(deviation_steps(outputs.reshape(samples, -1), expected[:samples]).max()),
    )
