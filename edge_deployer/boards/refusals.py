"""What actions on one board find, beside what the checks of acceptance find, and refusals that are made of it."""

from __future__ import annotations

from edge_deployer.errors import Refused
from edge_deployer.finding import AnyFinding, Finding, Told, kind

UNPROVEN_REMEDY = "take it back with `tinyops boards revert`; `tinyops boards log` and the board's health tell more"

Unproven = kind("boards.unproven", "{{ finding | words }}", {"finding": AnyFinding}, remedy=UNPROVEN_REMEDY)

OnTrial = kind(
    "self_test.on_trial",
    "an image is on trial, or waits to be booted",
    {"board": str},
    remedy="settle that first: `tinyops boards confirm {{ board }}` or `tinyops boards revert {{ board }}`",
)

SelfTested = kind(
    "self_test.ended",
    "{% if not restored %}{{ board }} could not be given its earlier image back after its self-test against "
    "{{ release }}{% else %}{{ board }} "
    "{{ {'passed': 'passes', 'failed': 'fails'}.get(result, 'neither passes nor fails') }} its self-test against "
    "{{ release }}{% endif %}: {{ why | words }}",
    {"board": str, "release": str, "restored": bool, "result": str, "why": AnyFinding},
    remedy="{% if result != 'passed' %}{% if not restored %}see to the board by hand"
    "{% elif result == 'failed' %}repair or replace the board"
    "{% else %}promote a release by a plan with more `samples`{% endif %}, "
    "then test it again with `tinyops boards health {{ board }}`{% endif %}",
)


class RefusedFor(Refused):
    """What was asked for is not done, because of a finding."""

    def __init__(self, finding: Finding, *, remedy: str = "") -> None:
        super().__init__(finding.code, remedy=remedy)
        self.finding = finding


def why_refused(refusal: Refused) -> Finding:
    """The finding of a refusal, or its message as one."""
    if isinstance(refusal, RefusedFor):
        return refusal.finding
    return Told(text=refusal.message, help=refusal.remedy)
