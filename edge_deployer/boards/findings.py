"""What actions on one board can find, beside what the checks of acceptance find."""

from __future__ import annotations

from edge_deployer.finding import AnyFinding, kind

UNPROVEN_REMEDY = "take it back with `tinyops boards revert`; `tinyops boards log` and the board's health tell more"

Unproven = kind("boards.unproven", "{{ finding | words }}", remedy=UNPROVEN_REMEDY, finding=AnyFinding)

OnTrial = kind(
    "self_test.on_trial",
    "an image is on trial, or waits to be booted",
    remedy="settle that first: `tinyops boards confirm {{ board }}` or `tinyops boards revert {{ board }}`",
    board=str,
)

SelfTested = kind(
    "self_test.ended",
    "{% if not restored %}{{ board }} could not be given its earlier image back after its self-test against "
    "{{ release }}{% else %}{{ board }} "
    "{{ {'passed': 'passes', 'failed': 'fails'}.get(result, 'neither passes nor fails') }} its self-test against "
    "{{ release }}{% endif %}: {{ why | words }}",
    remedy="{% if result != 'passed' %}{% if not restored %}see to the board by hand"
    "{% elif result == 'failed' %}repair or replace the board"
    "{% else %}promote a release by a plan with more `samples`{% endif %}, "
    "then test it again with `tinyops boards health {{ board }}`{% endif %}",
    board=str,
    release=str,
    restored=bool,
    result=str,
    why=AnyFinding,
)
