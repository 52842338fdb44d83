"""Does the board name the classes that TFLM names?"""

from __future__ import annotations

from typing_extensions import override

from edge_deployer.acceptance.agreement import BoolArray, other_label
from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.registry import registered
from edge_deployer.acceptance.sequential import Disagreement, DisagreementCheck, counted
from edge_deployer.finding import Finding, kind


class Labels(Disagreement):
    """Shares of samples that the board names another class than TFLM."""


NoClasses = kind("labels.no_classes", "the outputs are no classes")


@registered
class LabelsCheck(DisagreementCheck):
    """The share of samples that the board names another class than TFLM, tested sequentially."""

    name = "labels"
    place = 20
    about = "the share of samples that the board names another class than TFLM"
    section, default = Labels, Labels()
    section_about = "samples named another class than TFLM names"
    counts = "other classes"
    found = counted("labels.other_class", "{{ differing }} of {{ samples }} samples name another class than TFLM")
    heading = "Another class than TFLM's"

    @override
    def samples_against(self, case: Case) -> BoolArray:
        return other_label(case.outputs, case.reference, range(len(case.outputs)))

    @override
    def why_skipped(self, reference: Reference) -> Finding | None:
        return super().why_skipped(reference) or (None if reference.names_classes else NoClasses())
