"""Does the board stay as it is when it goes on?"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field, RootModel
from typing_extensions import override

from edge_deployer.acceptance.agreement import identical
from edge_deployer.acceptance.check import Case, Check, CheckResult
from edge_deployer.acceptance.plan import MOST_SAMPLES, AcceptancePlan
from edge_deployer.acceptance.registry import registered
from edge_deployer.finding import Finding, kind


class SoakInferences(RootModel[Annotated[int, Field(ge=0, le=MOST_SAMPLES)]]):
    """How many inferences are run again, at least."""

    model_config = ConfigDict(frozen=True)


FaultInSoak = kind(
    "soak.fault",
    "{% if told %}the board had a fault: {{ fault }}{% else %}the board did not tell{% endif %}, in "
    "{{ inferences }} inferences",
    {"told": bool, "fault": str | None, "inferences": int},
)

Drift = kind(
    "soak.drift",
    "{{ changed }} of {{ repeated }} outputs changed when their sample was run again",
    {"changed": int, "repeated": int},
)

Steady = kind(
    "soak.steady",
    "no fault in {{ inferences }} inferences"
    "{% if repeated is not none %}, no drift in {{ repeated }} repeated ones{% endif %}",
    {"inferences": int, "repeated": int | None},
)


@registered
class SoakCheck(Check):
    """No fault in the whole examination, and no output that changed when its sample was run again."""

    name = "soak"
    place = 120
    about = "golden vectors again: no output changes, and no fault has happened since the start"
    made_of = frozenset({"soak"})
    section, section_name, default = SoakInferences, "soak_inferences", SoakInferences(32)
    section_about = "inferences with golden vectors again, at least; outputs must not change"
    heading, asks = "Soak", "{{ section.root | grouped }} inferences again, outputs must not change"

    @override
    def judge(self, case: Case) -> CheckResult:
        evidence = case.evidence
        ran, again = 0 if evidence.answers is None else len(evidence.answers), evidence.soak
        if evidence.faults or evidence.faults is None:
            inferences = ran + (len(again.samples) if again else 0)
            told = evidence.faults is not None
            return self.result(case, "failed", FaultInSoak(told=told, fault=evidence.last_fault, inferences=inferences))
        if again is None or evidence.answers is None:
            return self.result(case, "passed", Steady(inferences=ran, repeated=None))
        first = evidence.answers.outputs.load()[list(again.samples)]
        changed = np.flatnonzero(~identical(again.outputs.load(), first))
        finding: Finding = Steady(inferences=ran + len(first), repeated=len(first))
        if len(changed):
            finding = Drift(changed=len(changed), repeated=len(first))
        return self.result(
            case,
            "failed" if len(changed) else "passed",
            finding,
            measured=len(changed),
            limit=0,
            differing=sorted({again.samples[place] for place in changed}),
        )


def soak_inferences(plan: AcceptancePlan) -> int:
    """How many inferences the plan runs again."""
    section = plan.section(SoakInferences)
    assert section is not None
    return section.root
