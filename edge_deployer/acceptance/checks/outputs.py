"""Does the board compute the outputs that TFLM computes?"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray, deviation_steps, other_label
from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.checks.labels import Labels
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import Disagreement, DisagreementCheck
from edge_deployer.acceptance.statistics.decision import Decision
from edge_deployer.finding import Finding, kind
from edge_deployer.tensors import Array


class Outputs(Disagreement):
    """Shares of samples whose outputs are further off TFLM's than the tolerance."""

    tolerance: Annotated[int, Field(ge=0)] = Field(
        default=2, description="steps of the output's quantisation that do not count as a difference"
    )


OutputsOff = kind(
    "outputs.off",
    "{{ differing }} of {{ samples }} samples have outputs more than {{ tolerance }} steps off TFLM's",
    {"differing": int, "samples": int, "tolerance": int},
)

AnotherRuntime = kind(
    "outputs.another_runtime",
    "labels agree, outputs are off by up to {{ largest }} steps ({{ share | percent }} of samples by more than "
    "{{ tolerance }}): another runtime or kernel set? `outputs.tolerance: {{ largest }}` or "
    "`on_failure: {outputs: warn}`",
    {"differing": int, "samples": int, "tolerance": int, "largest": int, "share": float},
)


@registered
class OutputsCheck(DisagreementCheck):
    """The share of samples with an output further off TFLM's than the tolerance, tested sequentially."""

    name = "outputs"
    place = 30
    about = "the share of samples with an output further off TFLM's than the tolerance"
    section, default = Outputs, Outputs()
    section_about = "samples whose outputs are further off TFLM's than the tolerance"
    counts = "outputs off"
    heading = "Outputs more than {{ section.tolerance }} step{{ '' if section.tolerance == 1 else 's' }} off TFLM's"

    @override
    def samples_against(self, case: Case) -> BoolArray:
        return np.asarray(_steps(case) > tolerance_of(case.plan), np.bool_)

    @override
    def finding(self, case: Case, taken: BoolArray, decision: Decision | None) -> Finding:
        differing, tolerance = int(taken.sum()), tolerance_of(case.plan)
        if decision is not Decision.REJECT or case.plan.only_warns(self.name) or not _labels_agree(case):
            return OutputsOff(differing=differing, samples=len(taken), tolerance=tolerance)
        steps = _steps(case)
        return AnotherRuntime(
            differing=differing,
            samples=len(taken),
            tolerance=tolerance,
            largest=int(steps.max()),
            share=float((steps > tolerance).mean()),
        )


def tolerance_of(plan: AcceptancePlan) -> int:
    """Steps of the output's quantisation that do not count as a difference."""
    section = plan.section(Outputs)
    assert section is not None, "a plan always has it"
    return section.tolerance


def _steps(case: Case) -> Array:
    """How far each answer is off TFLM's at most."""
    outputs, expected = case.outputs, case.reference.reference_outputs
    assert expected is not None
    return deviation_steps(outputs.reshape(len(outputs), -1), expected[: len(outputs)])


def _labels_agree(case: Case) -> bool:
    """Whether the board names no more samples another class than is tolerated."""
    shares = case.plan.section(Labels)
    if shares is None or not case.reference.names_classes:
        return False
    return bool(other_label(case.outputs, case.reference, range(len(case.outputs))).mean() <= shares.tolerated)
