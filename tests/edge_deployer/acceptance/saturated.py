"""A check that the project does not have: at most a share of the outputs is saturated. All of it stands here."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray
from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import Disagreement, DisagreementCheck, counted


class Saturated(Disagreement):
    """Shares of samples with an output at an end of its stored type."""


@registered
class SaturatedCheck(DisagreementCheck):
    """The share of samples with an output at an end of its stored type, tested sequentially."""

    name = "saturated"
    place = 35
    about = "the share of samples with an output at an end of its stored type"
    section = Saturated
    section_about = "samples with a saturated output; null asks nothing"
    counts = "saturated outputs"
    found = counted("saturated.outputs", "{{ differing }} of {{ samples }} samples have a saturated output")
    heading = "Saturated outputs"

    @override
    def samples_against(self, case: Case) -> BoolArray:
        limits, flat = np.iinfo(case.outputs.dtype), case.outputs.reshape(len(case.outputs), -1)
        return np.asarray(((flat == limits.min) | (flat == limits.max)).any(axis=1), np.bool_)
