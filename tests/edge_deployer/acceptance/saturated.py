"""A check that the project does not have: at most a share of the outputs is saturated. All of it stands here."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray
from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.check_result import Status
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import Disagreement, DisagreementCheck
from edge_deployer.finding import Finding, kind


class Saturated(Disagreement):
    """Shares of samples with an output at an end of its stored type."""


SaturatedOutputs = kind(
    "saturated.outputs",
    "{{ differing }} of {{ samples }} samples have a saturated output",
    {"differing": int, "samples": int},
)


@registered
class SaturatedCheck(DisagreementCheck):
    """The share of samples with an output at an end of its stored type, tested sequentially."""

    name = "saturated"
    place = 35
    about = "the share of samples with an output at an end of its stored type"
    section = Saturated
    section_about = "samples with a saturated output; null asks nothing"
    counts = "saturated outputs"
    asks = (
        "Saturated outputs",
        "{% if section is none %}nothing is asked{% else %}" + DisagreementCheck.asks[1] + "{% endif %}",
    )

    @override
    def samples_against(self, case: Case) -> BoolArray:
        assert case.evidence.answers is not None
        outputs = case.evidence.answers.outputs.load()
        limits, flat = np.iinfo(outputs.dtype), outputs.reshape(len(outputs), -1)
        return np.asarray(((flat == limits.min) | (flat == limits.max)).any(axis=1), np.bool_)

    @override
    def finding(self, case: Case, taken: BoolArray, status: Status) -> Finding:
        return SaturatedOutputs(differing=int(taken.sum()), samples=len(taken))
