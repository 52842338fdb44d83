"""The acceptance as JUnit XML, as a forge reads it."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from edge_deployer.report.facts import Report
from edge_deployer.report.junit import render_junit
from tests.edge_deployer.report import sample_reports

ENDINGS = [
    (sample_reports.promoted, None),
    (sample_reports.unchanged, None),
    (sample_reports.refused_at_staging, "failure"),
    (sample_reports.refused_at_evaluation, "failure"),
    (sample_reports.refused_in_production, "failure"),
    (sample_reports.undecided, "error"),
    (sample_reports.too_few_boards, "error"),
]


def suites(report: Report) -> dict[str, ET.Element]:
    return {suite.attrib["name"]: suite for suite in ET.fromstring(render_junit(report))}


def marks(suite: ET.Element) -> dict[str, str | None]:
    """What became of each case; None where it passed."""
    found = {case.attrib["name"]: [mark.tag for mark in case if mark.tag != "system-out"] for case in suite}
    return {name: tags[0] if tags else None for name, tags in found.items()}


@pytest.mark.parametrize(("made", "mark"), ENDINGS, ids=lambda value: getattr(value, "__name__", value))
def test_the_first_suite_is_the_release(made: Callable[[], Report], mark: str | None) -> None:
    """A release that was refused before a board was asked is no success."""
    report = made()
    found = suites(report)
    assert marks(found["release"]) == {"outcome": mark}
    assert list(found)[1:] == [f"{board.pool}: {board.name}" for board in report.deployment.boards]


@pytest.mark.parametrize(("made", "mark"), ENDINGS, ids=lambda value: getattr(value, "__name__", value))
def test_the_counts_are_those_of_the_cases(made: Callable[[], Report], mark: str | None) -> None:
    del mark
    for suite in suites(made()).values():
        found = list(marks(suite).values())
        counted = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
        assert counted == {
            "tests": len(found),
            "failures": found.count("failure"),
            "errors": found.count("error"),
            "skipped": found.count("skipped"),
        }


def test_a_board_has_a_case_for_each_check() -> None:
    report = sample_reports.refused_at_staging()
    found = suites(report)
    failed = 0
    for board in report.deployment.boards:
        cases = marks(found[f"{board.pool}: {board.name}"])
        if board.verdict is None:
            assert cases == {"examination": "skipped"}
        else:
            assert list(cases) == [check.name.replace("_", " ") for check in board.verdict.checks]
            failed += list(cases.values()).count("failure")
    assert failed


def test_what_a_board_in_quarantine_found_fails_nothing() -> None:
    report = sample_reports.quarantined()
    staging = report.deployment.staging
    assert staging is not None
    (name,) = staging.quarantined
    suite = suites(report)[f"staging: {name}"]
    assert set(marks(suite).values()) <= {None, "skipped"}
    said = [case[0].attrib.get("message", "") for case in suite if case[0].tag == "skipped"]
    assert any(message.startswith("in quarantine: ") for message in said)


def test_what_xml_cannot_write_is_replaced() -> None:
    report = sample_reports.promoted().model_copy(update={"title": "a\x00b <&>"})
    assert ET.fromstring(render_junit(report)).attrib["name"] == "a\ufffdb <&>"
