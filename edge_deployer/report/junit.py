"""The acceptance as JUnit XML, which forges show beside a change: a suite for each board, a case for each check."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree as ET

from edge_deployer.boards.record import BoardRecord
from edge_deployer.report import words
from edge_deployer.report.acceptance_view import CheckRow, board_state, check_rows, gate_in_words, why_quarantined
from edge_deployer.report.facts import Report
from edge_deployer.rollout.deployment import Deployment

_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""

_MARKS: Final = {"failed": "failure", "undecided": "error", "skipped": "skipped"}
_OUTCOMES: Final = {"refused": "failure", "no verdict": "error"}


def render_junit(report: Report) -> str:
    """A pure function of the report.

    The first suite is the release itself: refused, it is a failure, whether or not a board was ever asked. What a board
    in quarantine found counts for nothing, so its failures are skipped cases.
    """
    deployment = report.deployment
    suites = ET.Element("testsuites", name=_printable(report.title))
    _release(suites, deployment)
    for board in deployment.boards:
        _board(suites, board, deployment)
    for suite in suites:
        suite.set("timestamp", f"{deployment.finished:%Y-%m-%dT%H:%M:%S}")
        _count(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _release(suites: ET.Element, deployment: Deployment) -> None:
    suite = ET.SubElement(suites, "testsuite", name="release")
    case = ET.SubElement(suite, "testcase", classname="release", name="outcome")
    _mark(case, _OUTCOMES.get(deployment.outcome), gate_in_words(deployment), words.headline(deployment))


def _board(suites: ET.Element, board: BoardRecord, deployment: Deployment) -> None:
    suite = ET.SubElement(suites, "testsuite", name=_printable(f"{board.pool}: {board.name}"))
    state, quarantine = board_state(board, deployment), why_quarantined(board, deployment)
    rows = check_rows(board)
    for row in rows:
        case = ET.SubElement(suite, "testcase", classname=_printable(board.name), name=row.name)
        mark = _MARKS.get(row.state)
        if quarantine is not None and mark is not None:
            _mark(case, "skipped", f"in quarantine: {quarantine}", _told(row))
        else:
            _mark(case, mark, row.finding or row.state, _told(row))
    if not rows:
        case = ET.SubElement(suite, "testcase", classname=_printable(board.name), name="examination")
        why = quarantine or words.verdict_in_words(board) or board.outcome
        _mark(case, "skipped", f"{state}: {why}", "")


def _mark(case: ET.Element, mark: str | None, message: str, details: str) -> None:
    """What became of a case; of one that passed, what was found is its output."""
    if mark is None:
        ET.SubElement(case, "system-out").text = _printable(f"{message}\n{details}".strip())
    else:
        ET.SubElement(case, mark, message=_printable(message)).text = _printable(details)


def _told(row: CheckRow) -> str:
    told = {"measured": row.measured, "allowed": row.limit, "bound": row.bound, "samples": row.samples}
    return "\n".join(f"{name}: {said}" for name, said in told.items() if said not in ("", "—"))


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite)))
    for attribute, mark in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{mark}"))))


def _printable(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
