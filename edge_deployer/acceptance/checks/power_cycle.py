"""Does the confirmed release survive a power cycle, or a reset where nothing switches the board's power?"""

from __future__ import annotations

from pydantic import ConfigDict, RootModel
from typing_extensions import override

from edge_deployer.acceptance.agreement import identical
from edge_deployer.acceptance.check import Case, Check, CheckResult
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.registry import registered
from edge_deployer.finding import Finding, kind


class PowerCycleAsked(RootModel[bool]):
    """Whether boards start once more."""

    model_config = ConfigDict(frozen=True)


Survives = kind("power_cycle.survives", "the release survives a reset, confirmed, and answers as before")

SurvivesPowerCycle = kind(
    "power_cycle.survives_power", "the release survives a power cycle, confirmed, and answers as before"
)

RunsAnotherAfter = kind(
    "power_cycle.another_image",
    "after it the board runs {{ runs | image }}, not {{ expected | image }}",
    {"runs": str | None, "expected": str},
)

NoLongerConfirmed = kind("power_cycle.not_confirmed", "after it the release is no longer confirmed")

AnswersAnother = kind("power_cycle.another_answer", "after it the first sample's answer is another than before")


@registered
class PowerCycleCheck(Check):
    """The release survives one more start, is still confirmed, and still answers the first sample as it did.

    It does not apply before the release is confirmed.
    """

    name = "power_cycle"
    place = 130
    about = "the confirmed release survives a power cycle, without a supply a reset, and answers as before"
    made_of = frozenset({"power cycle"})
    section, section_name, default = PowerCycleAsked, "power_cycle", PowerCycleAsked(True)
    section_about = "whether staging boards are power-cycled when confirmed, those without a supply reset"
    heading = "Power cycle"
    asks = (
        "{% if section.root %}staging boards, when confirmed; those without a supply are reset{% else %}none{% endif %}"
    )

    @override
    def judge(self, case: Case) -> CheckResult | None:
        if case.evidence.power_cycle is None:
            return None
        problem = self._problem(case)
        survives = SurvivesPowerCycle if case.evidence.power_cycle.by == "power" else Survives
        return self.result(case, "failed" if problem else "passed", problem or survives())

    @override
    def is_asked(self, plan: AcceptancePlan) -> bool:
        section = plan.section(PowerCycleAsked)
        return section is not None and section.root

    def _problem(self, case: Case) -> Finding | None:
        cycle, answers = case.evidence.power_cycle, case.evidence.answers
        assert cycle is not None
        assert case.subject is not None
        if cycle.failure:
            return cycle.failure.reason
        if cycle.running_hash != case.subject.image_hash:
            return RunsAnotherAfter(runs=cycle.running_hash, expected=case.subject.image_hash)
        if not cycle.confirmed:
            return NoLongerConfirmed()
        if cycle.outputs is None or answers is None:
            return AnswersAnother()
        return None if identical(cycle.outputs.load(), answers.outputs.load()[:1]).all() else AnswersAnother()
